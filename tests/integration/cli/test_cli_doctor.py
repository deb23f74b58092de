"""`xmit doctor`: what is wrong stands there with what to do, and what is right is said to be."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.campaigns import World
from tests.integration.cli.conftest import Xmit
from xmit_pipeline.cli.home_lock import home_in_use
from xmit_pipeline.delivery.tick import tick_lock


def findings(xmit: Xmit) -> list[tuple[str, str, str]]:
    """What, how it is, what to do."""
    said = xmit("doctor")
    assert (said.code, said.err) == (0, "")
    rows = [line.strip("│").split("│") for line in said.out.splitlines() if line.startswith("│")]
    return [(row[0].strip(), row[1].strip(), row[2].strip()) for row in rows]


def remedy(xmit: Xmit, subject: str) -> str:
    """What to do about one thing; for several of a name, about the last."""
    return {row[0]: row[2] for row in findings(xmit)}[subject]


def state(xmit: Xmit, subject: str) -> str:
    return {row[0]: row[1] for row in findings(xmit)}[subject]


@pytest.fixture
def mailing(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Mail goes to the sandbox."""
    monkeypatch.setenv("SENDGRID_HOST", world.sandbox.url)
    world.store.close()
    return world


def test_missing_key_says_what_to_do(xmit: Xmit):
    assert "SENDGRID_API_KEY is not set" in remedy(xmit, "settings")


def test_reachable_sandbox_needs_nothing(mailing: World, xmit: Xmit):
    assert state(xmit, "SendGrid") == f"{mailing.sandbox.url} answers"
    assert remedy(xmit, "SendGrid") == remedy(xmit, "settings") == ""


def test_silent_host_is_named(xmit: Xmit, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SENDGRID_HOST", "http://127.0.0.1:9")
    assert "does not answer" in state(xmit, "SendGrid")
    assert "SENDGRID_HOST" in remedy(xmit, "SendGrid")


def test_dead_links_are_named(xmit: Xmit, monkeypatch: pytest.MonkeyPatch):
    """SPEC 7: unsubscribe links must lead somewhere."""
    monkeypatch.setenv("XMIT_PUBLIC_URL", "http://127.0.0.1:9")
    assert "Unsubscribe links lead nowhere" in remedy(xmit, "API")


def test_late_mail_means_that_nothing_runs(mailing: World, xmit: Xmit):
    """PAINS C9: the engine must not stop in silence."""
    mailing.domain()
    mailing.enroll(mailing.sequence(), mailing.people(3), datetime.now(UTC) - timedelta(minutes=20))
    mailing.store.close()
    assert re.match(r"3 are due for 2[012] minutes and free to go", state(xmit, "step 1"))
    assert "No schedule is running" in remedy(xmit, "step 1")
    assert "Nothing is sent by itself" in remedy(xmit, "Dagster")


def test_warmup_waits_by_itself(mailing: World, xmit: Xmit):
    """PAINS H6: which wall, until when, and that nobody need do anything."""
    mailing.domain(warmup_on=True, pacing=False, table=[1])
    mailing.enroll(mailing.sequence(), mailing.people(3), datetime.now(UTC))
    mailing.store.close()
    assert state(xmit, "step 1").startswith("2 wait: warmup_day until ")
    assert remedy(xmit, "step 1") == "Nothing: they go by themselves."


def test_live_tick_is_seen(mailing: World, xmit: Xmit):
    with tick_lock(mailing.settings):
        assert state(xmit, "tick") == "sending right now"


def test_clock_set_back_is_named(mailing: World, xmit: Xmit):
    """SPEC 6.10: a tick in what is now the future stops sending until somebody says so."""
    mailing.tick(datetime.now(UTC) + timedelta(days=1))
    mailing.store.close()
    assert "xmit reconcile" in {row[1]: row[2] for row in findings(xmit)}["out of step: sending refused"]


def test_unusable_store_hides_nothing_else(mailing: World, xmit: Xmit):
    """SPEC 9: its sentence stands there; everything that needs no store is still looked at."""
    mailing.settings.database.write_text("not a database")
    found = findings(xmit)
    assert ("store", "can't be used") in {row[:2] for row in found}
    assert "SendGrid" in {row[0] for row in found}
    mailing.settings.database.unlink()


def test_running_up_is_looked_at_by_its_own_addresses(mailing: World, xmit: Xmit, home: Path):
    """A second shell knows nothing of the sandbox that `xmit up` brought."""
    told = {
        "SENDGRID_HOST": mailing.sandbox.url,
        "XMIT_PUBLIC_URL": "http://127.0.0.1:9",
        "XMIT_DATABASE": str(mailing.settings.database),
    }
    with home_in_use(home, told), pytest.MonkeyPatch.context() as patched:
        patched.setenv("SENDGRID_HOST", "")
        assert state(xmit, "SendGrid") == f"{mailing.sandbox.url} answers"
        assert state(xmit, "API") == "http://127.0.0.1:9 does not answer"
    assert state(xmit, "xmit up") == "does not run here"
