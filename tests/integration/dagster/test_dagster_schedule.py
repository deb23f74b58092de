"""`every_minute`: looks first, and runs the tick only where something is due and nobody is at it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from tests.campaigns import World
from xmit_pipeline.definitions import build_defs
from xmit_pipeline.defs.resources import StoreResource
from xmit_pipeline.defs.schedules import every_minute
from xmit_pipeline.delivery.tick import tick_lock

Look = Callable[..., dg.RunRequest | str]


@pytest.fixture
def look(world: World) -> Look:
    """One evaluation, as the code server does it: a request for a run, or the reason for none."""

    def evaluate(instance: dg.DagsterInstance | None = None) -> dg.RunRequest | str:
        world.store.close()
        with dg.build_schedule_context(
            instance=instance,
            repository_def=build_defs().get_repository_def(),
            resources={"store": StoreResource()},
        ) as context:
            data = every_minute.evaluate_tick(context)
        return data.run_requests[0] if data.run_requests else data.skip_message or ""

    return evaluate


def now() -> datetime:
    return datetime.now(UTC)


def test_new_home_skips_with_its_reason(look: Look):
    assert look() == "Nothing is due that could go now."


def test_due_mail_requests_one_run(world: World, look: Look):
    world.domain()
    world.enroll(world.sequence(now=now()), world.people(2), now())
    wanted = look()
    assert isinstance(wanted, dg.RunRequest)
    assert wanted.tags["xmit/why"] == "mail is due"


def test_mail_due_later_skips(world: World, look: Look):
    world.domain()
    world.enroll(world.sequence((1,)), world.people(2), now())
    assert look() == "Nothing is due that could go now."


def test_mail_behind_a_noted_wall_skips(world: World, look: Look):
    """A run a minute for mail that can't go would be for nothing; `test_idle_minutes` has the rules."""
    world.domain()
    world.enroll(world.sequence(now=now()), world.people(2), now())
    world.change("UPDATE step SET held_at = $now, walled_at = $now", now=now())
    assert look() == "Nothing is due that could go now."
    world.change("UPDATE step SET held_at = NULL")
    assert isinstance(look(), dg.RunRequest)


def test_overdue_mail_needs_no_missed_tick(world: World, look: Look):
    """DESIGN 6: due-ness comes from the data; after a week of downtime one look is enough."""
    world.domain()
    world.enroll(world.sequence(), world.people(2), now() - timedelta(days=7))
    assert isinstance(look(), dg.RunRequest)


def test_live_tick_skips_with_its_reason(world: World, look: Look):
    """SPEC 6.9."""
    world.domain()
    world.enroll(world.sequence(), world.people(2), now())
    with tick_lock(world.settings):
        assert "A tick is sending right now" in str(look())
    assert isinstance(look(), dg.RunRequest)


def test_zombie_run_delays_nothing(world: World, look: Look):
    """DESIGN 6: after a power cut Dagster's record says "started" for ever; the guard asks the lock instead."""
    world.domain()
    world.enroll(world.sequence(), world.people(2), now())
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_run(dg.DagsterRun(job_name="tick", status=dg.DagsterRunStatus.STARTED))
        assert isinstance(look(instance), dg.RunRequest)


def test_look_leaves_everything_as_it_was(world: World, look: Look):
    """It may be evaluated any number of times: nothing is claimed."""
    world.domain()
    world.enroll(world.sequence(), world.people(2), now())
    look()
    look()
    assert world.rows("SELECT * FROM message") == []
    assert world.rows("SELECT * FROM tick") == []
