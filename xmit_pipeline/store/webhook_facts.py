"""Where each thing that webhooks tell is read from: the facts themselves, a query a type (SPEC 8).

Every query answers the columns of COLUMNS for what became known at `$low` or later. `subject` names the thing for
good; `known_at` is the time of the transaction that wrote it, which for settlements of old posts, and for late
events, is not when it happened.
"""

from xmit_pipeline.model.webhooks import WebhookType

COLUMNS = "subject, known_at, message_id, enrollment_id, sequence_id, step_id, contact_id, email, happened_at, details"

SENT = """
SELECT id AS subject, settled_at AS known_at, id AS message_id, enrollment_id, sequence_id, step_id, contact_id,
    email, sent_at AS happened_at, CASE WHEN presumed THEN '{"presumed":true}' END AS details
FROM message
WHERE state = 'sent' AND settled_at >= $low
"""

ONCE_A_MESSAGE = "event.message_id"
EACH_TIME = "md5(concat_ws(' ', event.message_id, event.kind, event.happened_at, event.url))::UUID"
"""An entry that comes twice under two ids of SendGrid's is one thing (SPEC 7)."""

PLACE = "'userAgent', event.useragent, 'ipAddress', event.ip"


def _events(kind: str, subject: str, details: str, condition: str = "true") -> str:
    return f"""
    SELECT DISTINCT ON (subject) {subject} AS subject, event.folded_at AS known_at, message.id AS message_id,
        message.enrollment_id, message.sequence_id, message.step_id, message.contact_id, message.email,
        event.happened_at, json_object({details})::VARCHAR AS details
    FROM event JOIN message ON message.id = event.message_id
    WHERE event.kind = '{kind}' AND event.folded_at >= $low AND {condition}
    ORDER BY subject, event.folded_at, event.happened_at
    """  # noqa: S608  (constants of this module)


_ENDED = """
SELECT ended.id AS subject, ended.known_at, NULL::UUID AS message_id, ended.id AS enrollment_id,
    enrollment.sequence_id, NULL::UUID AS step_id, enrollment.contact_id, contact.email,
    enrollment.ended_at AS happened_at, json_object('exitReason', enrollment.exit_reason)::VARCHAR AS details
FROM ({ended}) AS ended
JOIN enrollment ON enrollment.id = ended.id
JOIN contact ON contact.id = enrollment.contact_id
"""

EXITED = _ENDED.format(
    ended="SELECT id, ended_at AS known_at FROM enrollment WHERE status = 'exited' AND ended_at >= $low"
)

# an enrollment ends at the time of its last post, and that may be settled a day later
COMPLETED = _ENDED.format(
    ended="""
    SELECT id, max(known_at) AS known_at
    FROM (
        SELECT id, ended_at AS known_at FROM enrollment WHERE status = 'completed' AND ended_at >= $low
        UNION ALL
        SELECT enrollment.id, message.settled_at
        FROM message
        JOIN enrollment
            ON enrollment.id = message.enrollment_id AND enrollment.last_step_id = message.step_id
        WHERE message.settled_at >= $low AND enrollment.status = 'completed' AND enrollment.ended_at < $low
    )
    GROUP BY id
    """
)

FACTS: dict[WebhookType, str] = {
    WebhookType.SENT: SENT,
    WebhookType.DELIVERED: _events("delivered", ONCE_A_MESSAGE, "'smtpResponse', event.response"),
    WebhookType.OPENED: _events("open", EACH_TIME, PLACE),
    WebhookType.CLICKED: _events("click", EACH_TIME, f"'url', event.url, {PLACE}"),
    WebhookType.BOUNCED: _events(
        "bounce",
        ONCE_A_MESSAGE,
        "'bounceType', 'permanent', 'diagnosticCode', event.status, 'reason', event.reason",
        "event.effect = 'bounced'",
    ),
    WebhookType.COMPLAINED: _events("spamreport", ONCE_A_MESSAGE, "'feedbackType', 'abuse'"),
    WebhookType.COMPLETED: COMPLETED,
    WebhookType.EXITED: EXITED,
}
