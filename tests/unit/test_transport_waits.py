"""What an answer asks to wait, as SendGrid and the proxies before it say it (SPEC 6.5)."""

from email.utils import formatdate

import pytest

from xmit_pipeline.delivery.transport import LONGEST_WAIT, wait_of

NOW = 1_770_000_000.0
CASES = {
    "seconds": ({"Retry-After": "30"}, 30.0),
    "a date": ({"Retry-After": formatdate(NOW + 90, usegmt=True)}, 90.0),
    "a date that has passed": ({"Retry-After": formatdate(NOW - 90, usegmt=True)}, 0.0),
    "a reset": ({"X-RateLimit-Reset": str(int(NOW) + 12)}, 12.0),
    "a day": ({"Retry-After": "86400"}, LONGEST_WAIT),
    "words": ({"Retry-After": "soon"}, None),
    "a negative number": ({"Retry-After": "-5"}, None),
    "nothing": ({}, None),
}


@pytest.mark.parametrize("case", CASES)
def test_the_wait_is_read_and_bounded(case: str):
    headers, expected = CASES[case]
    assert wait_of(headers, NOW) == expected
