"""`xmit demo`: the bundled case from import to last mail, in a home of its own."""

import re
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Xmit
from xmit_pipeline.cli.demo import STEPS
from xmit_pipeline.model.settings import read_settings
from xmit_pipeline.sandbox.events_desk import totals
from xmit_pipeline.sandbox.server import running_sandbox
from xmit_pipeline.store.connection import EmbeddedStore, rows_as_dicts

SENT_BY_STEP = [2345, 2309, 2291]
"""The same people leave in every demo, whenever and wherever it runs."""
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
    assert "0 active, 2,291 completed, 0 paused, 54 exited" in said.out
    with running_sandbox(folder=home / "demo" / "sandbox") as sandbox:
        past = sandbox.events.past()
    truth = totals(past.events, len(past.one_clicks))
    # two opens of one mail in one second are one open (SPEC 7, duplicates)
    opens = {(each["xmit_message"], each["timestamp"]) for each in past.events if each["event"] == "open"}
    store = EmbeddedStore(home / "demo" / "xmit.duckdb")
    with store.snapshot() as connection:
        [counts] = rows_as_dicts(
            connection,
            "SELECT count(*) AS messages, count(*) FILTER (state = 'sent') AS sent, "
            "count(DISTINCT contact_id) AS people, count(*) FILTER (state = 'skipped') AS skipped FROM message",
        )
        [told] = rows_as_dicts(
            connection,
            "SELECT sum(delivered) AS delivered, sum(opens) AS opens, sum(clicks) AS clicks, "
            "sum(bounces) AS bounces, sum(complaints) AS complaints FROM step_metric",
        )
        [exits] = rows_as_dicts(
            connection,
            "SELECT count(*) FILTER (exit_reason = 'unsubscribed') AS unsubscribed, "
            "count(*) FILTER (exit_reason = 'bounced') AS bounced FROM enrollment",
        )
    store.close()
    assert counts["messages"] == counts["sent"] + counts["skipped"]
    assert counts["sent"] == sum(sent) == sum(SENT_BY_STEP)
    assert [sum(int(row[place]) for row in by_day) for place in range(2, len(STEPS) + 2)] == SENT_BY_STEP
    assert told == {
        "delivered": truth["delivered"], "opens": len(opens), "clicks": truth["click"],
        "bounces": truth["bounce"], "complaints": truth["spamreport"],
    }  # fmt: skip
    assert exits["bounced"] == truth["bounce"] > 0
    # who leaves after the last step has nothing to leave
    assert 0 < exits["unsubscribed"] <= truth["one_click"]
    assert not (home / "xmit.duckdb").exists()
    assert not (home / "demo" / "dagster" / "left by the last demo").exists()
    assert read_settings().host_is_loopback
