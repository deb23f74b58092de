"""`xmit demo`: the bundled case from import to last mail, in a home of its own."""

import re
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Xmit
from xmit_pipeline.cli.demo import STEPS
from xmit_pipeline.model.settings import read_settings
from xmit_pipeline.store.connection import EmbeddedStore, rows_as_dicts

RAMP = [25, 38, 56, 84, 127, 190, 285, 427, 641, 961]


def test_demo_runs_the_whole_campaign(xmit: Xmit, home: Path, monkeypatch: pytest.MonkeyPatch):
    """SPEC 10: in simulated time that ends at the present minute; every setting of the real world is left aside."""
    (home / "demo" / "dagster").mkdir(parents=True)
    (home / "demo" / "dagster" / "left by the last demo").touch()
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.real")
    monkeypatch.setenv("XMIT_PUBLIC_URL", "https://mail.example.org")
    said = xmit("demo")
    assert said.code == 0
    by_day = [
        line.replace(",", "").split("│") for line in said.out.splitlines() if re.match(r"│ \d\d \w{3} ", line)
    ]
    sent = [int(row[len(STEPS) + 2]) for row in by_day]
    assert sent[: len(RAMP)] == RAMP
    assert "0 active" in said.out
    store = EmbeddedStore(home / "demo" / "xmit.duckdb")
    with store.snapshot() as connection:
        [counts] = rows_as_dicts(
            connection,
            "SELECT count(*) AS messages, count(*) FILTER (state = 'sent') AS sent, "
            "count(DISTINCT contact_id) AS people FROM message",
        )
    store.close()
    assert counts["messages"] == counts["sent"] == sum(sent) == counts["people"] * len(STEPS)
    assert not (home / "xmit.duckdb").exists()
    assert not (home / "demo" / "dagster" / "left by the last demo").exists()
    assert read_settings().host_is_loopback
