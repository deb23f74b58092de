"""What an answer says about the mail (SPEC 6.5, 6.6, 6.11)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmit_pipeline.model.outcomes import Answer, Cause, Consequence, Fault, Verdict, judge

NAMED = (
    b'{"errors":[{"message":"Does not contain a valid address.","field":"personalizations.7.to.0.email"}]}'
)
UNVERIFIED = (
    b'{"errors":[{"message":"The from address does not match a verified Sender Identity.","field":"from"}]}'
)
UNNAMED = b'{"errors":[{"message":"The subject is required.","field":"subject"}]}'


@pytest.mark.parametrize(
    ("answer", "verdict", "consequence"),
    [
        (Answer(202), Verdict.ACCEPTED, Consequence.NOTHING),
        (Answer(400, NAMED), Verdict.REFUSED, Consequence.FAIL_RECIPIENTS),
        (Answer(400, UNNAMED), Verdict.REFUSED, Consequence.DIVIDE),
        (Answer(413, b"<html>"), Verdict.REFUSED, Consequence.DIVIDE),
        (Answer(401), Verdict.NOT_SENT, Consequence.STOP),
        (Answer(403, UNVERIFIED), Verdict.NOT_SENT, Consequence.HOLD_SENDER),
        (Answer(403), Verdict.NOT_SENT, Consequence.STOP),
        (Answer(429), Verdict.NOT_SENT, Consequence.STOP),
        (Answer(503), Verdict.NOT_SENT, Consequence.STOP),
        (Answer(fault=Fault.NOT_CONNECTED), Verdict.NOT_SENT, Consequence.STOP),
        (Answer(500), Verdict.PERHAPS, Consequence.NOTHING),
        (Answer(502), Verdict.PERHAPS, Consequence.NOTHING),
        (Answer(504), Verdict.PERHAPS, Consequence.NOTHING),
        (Answer(fault=Fault.NO_ANSWER), Verdict.PERHAPS, Consequence.NOTHING),
    ],
)
def test_each_answer_has_its_outcome(answer, verdict, consequence):
    outcome = judge(answer)
    assert (outcome.verdict, outcome.consequence) == (verdict, consequence)


@pytest.mark.parametrize("answer", [Answer(200, b"<html>please sign in</html>"), Answer(302, b"")])
def test_a_web_page_or_redirect_is_no_success(answer):
    """PAINS C6."""
    assert judge(answer).verdict is Verdict.NOT_SENT


def test_the_named_recipient_is_found():
    assert judge(Answer(400, NAMED)).recipients == ((7, "Does not contain a valid address."),)


def test_a_fault_beside_the_address_names_nobody():
    """A template's fault stands in every personalization, and SendGrid may name but the first: nobody exits for it."""
    body = b'{"errors":[{"message":"Too long.","field":"personalizations.0.substitutions"}]}'
    assert judge(Answer(400, body)).consequence is Consequence.DIVIDE


def test_a_recipient_beyond_the_request_names_nobody():
    assert judge(Answer(400, NAMED), size=7).consequence is Consequence.DIVIDE


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (Answer(401), Cause.CREDENTIALS),
        (Answer(403), Cause.CREDENTIALS),
        (Answer(429), Cause.BUSY),
        (Answer(503), Cause.BUSY),
        (Answer(302), Cause.STRANGER),
        (Answer(fault=Fault.NOT_CONNECTED), Cause.BUSY),
    ],
)
def test_what_stops_a_tick_has_a_cause(answer, cause):
    """SPEC 6.5: each opens a circuit."""
    assert judge(answer).cause is cause


def test_sendgrids_own_words_are_kept():
    assert judge(Answer(400, UNNAMED)).words == "The subject is required."


@given(st.integers(100, 599), st.binary(max_size=200))
def test_only_a_202_is_accepted(status, body):
    assert (judge(Answer(status, body)).verdict is Verdict.ACCEPTED) == (status == 202)
