"""The Dagster job, the schedule's look, and the doctor's word about missing events."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import dagster as dg
import pytest

from tests.campaigns import World
from tests.integration.cli.conftest import Xmit, xmit
from tests.integration.sync.conftest import calls, lists, seconds, sync
from xmit_pipeline.definitions import build_defs
from xmit_pipeline.defs.resources import StoreResource
from xmit_pipeline.defs.schedules import every_minute
from xmit_pipeline.model.tokens import Wish
from xmit_pipeline.sandbox.suppressions import SuppressionLists
from xmit_pipeline.store.wish_files import keep_wish

__all__ = ["calls", "lists", "sync", "xmit"]


@pytest.fixture
def mailed(world: World, lists: SuppressionLists, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two people who were mailed two hours ago; one of them bounced since, and no event told of it."""
    monkeypatch.setenv("SENDGRID_HOST", world.sandbox.url)
    then = datetime.now(UTC) - timedelta(hours=3)
    world.domain()
    world.enroll(world.sequence(now=then), world.people(2, now=then), then)
    world.tick(then)
    lists.add("bounces", "person0@example.net", created=seconds(then + timedelta(hours=1)))
    world.store.close()
    return world


def test_the_job_pulls_with_the_environments_settings(mailed: World):
    result = build_defs().resolve_job_def("suppression_sync").execute_in_process()
    assert result.success
    (row,) = mailed.rows("SELECT email, reason, source FROM suppression")
    assert row == {"email": "person0@example.net", "reason": "bounce", "source": "sendgrid"}


def test_the_doctor_says_since_when_events_are_missing(mailed: World, xmit: Xmit):
    """SPEC 7: the figures are marked incomplete."""
    assert "opens, clicks and bounces are incomplete" not in xmit("doctor").out
    build_defs().resolve_job_def("suppression_sync").execute_in_process()
    mailed.store.close()
    said = xmit("doctor").out
    assert "opens, clicks and bounces are incomplete" in said
    assert "xmit setup-sendgrid" in said


def test_a_refused_run_fails_with_its_sentence(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SENDGRID_HOST", "http://127.0.0.1:9")
    world.store.close()
    job = build_defs().resolve_job_def("suppression_sync")
    result = job.execute_in_process(raise_on_error=False)
    assert not result.success
    assert "does not answer" in str(result.failure_data_for_node("exchange_suppressions"))


def test_a_waiting_wish_starts_a_run(world: World):
    """SPEC 7: what the API left on disk is folded within the minute, also where nothing is due."""
    keep_wish(world.settings.home, Wish(uuid4(), uuid4()))
    world.store.close()
    with dg.build_schedule_context(
        repository_def=build_defs().get_repository_def(), resources={"store": StoreResource()}
    ) as context:
        (request,) = every_minute.evaluate_tick(context).run_requests or []
    assert request.tags["xmit/why"] == "somebody unsubscribed"
