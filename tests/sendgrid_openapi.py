"""SendGrid's own OpenAPI description of Mail Send, read from beside the project; its known defects mended."""

from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson

DESCRIPTION = Path(__file__).parents[2] / "shared" / "sendgrid" / "sendgrid_mail_v3.json"
ABSENT = "SendGrid's OpenAPI file lies in shared/sendgrid beside the project; it is not here."
MAIL_SEND = "#/components/requestBodies/PostMailSend/content/application~1json/schema"


def mail_send_judge() -> jsonschema_rs.Validator:
    """A validator of Mail Send bodies that is independent of our rules."""
    document = orjson.loads(DESCRIPTION.read_bytes())
    body = document["components"]["requestBodies"]["PostMailSend"]["content"]["application/json"]["schema"]
    one = body["properties"]["personalizations"]["items"]["properties"]
    strings = {"type": "object", "additionalProperties": {"type": "string"}}
    _close(document["components"])
    body["properties"]["personalizations"]["minItems"] = 1
    for place in (body["properties"], one):
        place["custom_args"] = {**strings, "minProperties": 1}
        place["headers"] = strings
    one["substitutions"] = {"type": "object", "additionalProperties": {"type": ["string", "null"]}}
    return jsonschema_rs.validator_for(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": MAIL_SEND,
            "components": document["components"],
        },
        validate_formats=True,
    )


def _close(schema: Any) -> None:
    """Refuse fields that the schema does not name."""
    if isinstance(schema, dict):
        if schema.get("type") == "object" and "properties" in schema:
            schema["additionalProperties"] = False
        for part in schema.values():
            _close(part)
    elif isinstance(schema, list):
        for part in schema:
            _close(part)
