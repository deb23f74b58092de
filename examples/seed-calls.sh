#!/usr/bin/env bash
# A welcome series by curl: six calls from nothing to people in it.
# Put your own ids in the place of lst_xxx, snd_xxx, seq_xxx, con_xxx and con_yyy, or run them one by one.
#   export XMIT=http://127.0.0.1:8000 KEY=$(.venv/bin/xmit keys create welcome)
set -euo pipefail

# A sequence that the list starts
curl -X POST $XMIT/api/sequences \
  -H "Authorization: Bearer $KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "name": "Welcome Series",
    "triggerType": "list_add",
    "triggerListId": "lst_xxx",
    "senderId": "snd_xxx",
    "enrollExisting": false
  }'

# Its first mail, at once
curl -X POST $XMIT/api/sequences/seq_xxx/steps \
  -H "Authorization: Bearer $KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "name": "Welcome Email",
    "subject": "Welcome to {{companyName}}!",
    "bodyHtml": "<p>Hello {{firstName}},</p><p>Welcome aboard!</p>",
    "delayAmount": 0,
    "delayUnit": "days"
  }'

# Start it
curl -X POST $XMIT/api/sequences/seq_xxx/activate \
  -H "Authorization: Bearer $KEY"

# Who is added to the list is in
curl -X POST $XMIT/api/lists/lst_xxx/contacts \
  -H "Authorization: Bearer $KEY" \
  -H "Content-Type: application/json" \
  -d '{"contactIds": ["con_xxx"]}'

# So is who is named; who is in already is passed over
curl -X POST $XMIT/api/sequences/seq_xxx/enroll \
  -H "Authorization: Bearer $KEY" \
  -H "Content-Type: application/json" \
  -d '{"contactIds": ["con_xxx", "con_yyy"]}'

# Who is on the way
curl "$XMIT/api/sequences/seq_xxx/enrollments?status=active&limit=50&offset=0" \
  -H "Authorization: Bearer $KEY"
