"""The vendor's OpenAPI file as a judge that is independent of our rules."""

import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xmit_pipeline.sandbox.validation.message import check_message

SPEC = Path(__file__).parents[3] / ".." / "shared" / "sendgrid" / "sendgrid_mail_v3.json"
MAIL_SEND = "#/components/requestBodies/PostMailSend/content/application~1json/schema"

pytestmark = pytest.mark.skipif(
    not SPEC.exists(),
    reason="SendGrid's OpenAPI file lies in shared/sendgrid beside the project; it is not here.",
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


@pytest.fixture(scope="module")
def judge() -> jsonschema_rs.Validator:
    """The Mail Send schema, its known defects mended."""
    document = orjson.loads(SPEC.read_bytes())
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


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    here = [path] if path else []
    if isinstance(value, dict):
        return here + [place for key in value for place in _places(value[key], (*path, key))]
    if isinstance(value, list):
        return here + [
            place for index in range(len(value)) for place in _places(value[index], (*path, index))
        ]
    return here


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "a", "a" * 256, "ü", "a@b", "a@b.example", ";", "true", "\r\n"]),
    st.sampled_from([[], {}, [{}], [""], ["a", "a"], {"email": "x"}, {"enable": 1}, {"a": 1}]),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_the_schema_refuses_is_refused(
    data: st.DataObject, body: dict[str, Any], judge: jsonschema_rs.Validator
) -> None:
    """Any one place of a valid request is broken; where the schema objects, so do we."""
    broken = deepcopy(body)
    *way, last = data.draw(st.sampled_from(_places(body)))
    place: Any = broken
    for step in way:
        place = place[step]
    match data.draw(st.sampled_from(["replace", "drop", "add"])):
        case "drop":
            del place[last]
        case "add" if isinstance(place, dict):
            place["surprise"] = data.draw(JUNK)
        case _:
            place[last] = data.draw(JUNK)

    if not judge.is_valid(broken):
        assert check_message(broken, time.time())


def test_the_schema_takes_the_valid_request(body: dict[str, Any], judge: jsonschema_rs.Validator) -> None:
    """Both judges agree on the request that the other tests start from."""
    judge.validate(body)
    assert check_message(body, time.time()) == []


def test_the_schema_can_refuse_what_we_refuse(body: dict[str, Any], judge: jsonschema_rs.Validator) -> None:
    """The judge is awake: it sees the plain faults."""
    for path, value in [("personalizations", []), ("categories", ["a", "a"]), ("surprise", 1), ("from", {})]:
        assert not judge.is_valid({**body, path: value})


def test_the_vendors_own_example_is_accepted(judge: jsonschema_rs.Validator) -> None:
    """The example without a template in the OpenAPI file."""
    document = orjson.loads(SPEC.read_bytes())
    examples = document["components"]["requestBodies"]["PostMailSend"]["content"]["application/json"][
        "examples"
    ]
    example = examples["MailSendNoTemplate"]["value"]

    judge.validate(example)
    assert check_message(example, time.time()) == []
