"""What rules retries and doubts is finite, and anything else is refused by name (PAINS A5)."""

from datetime import timedelta
from pathlib import Path

import pytest

from xmit_pipeline.model.errors import ConfigurationFault
from xmit_pipeline.model.outcomes import UnknownPolicy
from xmit_pipeline.model.settings import read_settings

BAD = [
    ("XMIT_UNKNOWN_POLICY", "retry"),
    ("XMIT_UNKNOWN_AFTER_HOURS", "0"),
    ("XMIT_RESEND_LIMIT", "0"),
    ("XMIT_RESEND_LIMIT", "for ever"),
    ("XMIT_RETRY_BUDGET_SECONDS", "-1"),
    ("XMIT_RETRY_BUDGET_SECONDS", "inf"),
    ("XMIT_RETRY_BUDGET_SECONDS", "1000001"),
    ("XMIT_TICK_BUDGET_SECONDS", "1.5"),
    ("XMIT_CONTACT_GAP_MINUTES", "hour"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_an_endless_or_senseless_budget_is_refused(home: Path, name: str, value: str):
    """PAINS A5: bad configuration is a sentence at the start, not an hourly retry."""
    with pytest.raises(ConfigurationFault, match=name):
        read_settings({"XMIT_HOME": str(home), name: value})


def test_defaults_are_those_of_the_document(home: Path):
    """docs/guarantees.md, Settings."""
    settings = read_settings({"XMIT_HOME": str(home)})
    assert settings.unknown_policy is UnknownPolicy.PRESUME_SENT
    assert (settings.unknown_after, settings.contact_gap) == (timedelta(hours=24), timedelta())
    assert (settings.resend_limit, settings.retry_budget_seconds, settings.tick_budget_seconds) == (
        3,
        60,
        600,
    )
