"""The vendor's OpenAPI file as a judge that is independent of our rules."""

import time
from copy import deepcopy
from typing import Any

import jsonschema_rs
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sendgrid_openapi import ABSENT, DESCRIPTION, mail_send_judge
from xmit_pipeline.sandbox.validation.message import check_message

pytestmark = pytest.mark.skipif(not DESCRIPTION.exists(), reason=ABSENT)


@pytest.fixture(scope="module")
def judge() -> jsonschema_rs.Validator:
    return mail_send_judge()


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
    document = orjson.loads(DESCRIPTION.read_bytes())
    examples = document["components"]["requestBodies"]["PostMailSend"]["content"]["application/json"][
        "examples"
    ]
    example = examples["MailSendNoTemplate"]["value"]

    judge.validate(example)
    assert check_message(example, time.time()) == []
