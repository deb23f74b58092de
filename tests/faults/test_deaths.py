"""Deaths and full disks at chosen places: what each leaves, and what the next tick makes of it (SPEC 6.6, 6.7)."""

from datetime import timedelta

import pytest

from tests.campaigns import START, World
from tests.faults import truth
from tests.faults.conftest import Elsewhere
from tests.faults.orders import Trap

SOON = START + timedelta(minutes=1)


@pytest.fixture
def due(elsewhere: Elsewhere) -> Elsewhere:
    """Five people, due on the first of two steps."""
    elsewhere.world.domain()
    elsewhere.world.enroll(elsewhere.world.sequence((0, 1)), elsewhere.world.people(5))
    return elsewhere


def states(world: World) -> dict[str, int]:
    rows = world.rows("SELECT state, count(*) AS n FROM message GROUP BY state")
    return {row["state"]: row["n"] for row in rows}


BEFORE_THE_POST = [
    Trap("point", "claim", "after"), Trap("point", "render"), Trap("point", "last look", "after"),
    Trap("point", "post all"), Trap("point", "journal"), Trap("torn"), Trap("full", "begin"),
    Trap("full", "claim", "after"), Trap("full", "last look", "after"), Trap("full", "journal"),
]  # fmt: skip


@pytest.mark.parametrize("trap", BEFORE_THE_POST, ids=str)
def test_struck_before_the_post_it_goes_next_time(due: Elsewhere, trap: Trap):
    """PAINS A17, C1: nothing had left; the next tick sends it, once."""
    struck = due.tick(START, trap=trap)
    assert struck.killed or struck.error or struck.counts["sent"] == 0
    assert due.world.delivered() == {}
    truth.look(due.world)
    due.tick(SOON)
    assert states(due.world) == {"sent": 5}
    assert set(due.world.delivered().values()) == {1}


AFTER_THE_ANSWER = [
    Trap("point", "accepted", "after"), Trap("point", "settle"), Trap("point", "settle", "after"),
    Trap("full", "settle"), Trap("full", "settle", "after"),
]  # fmt: skip


@pytest.mark.parametrize("trap", AFTER_THE_ANSWER, ids=str)
def test_a_commit_that_fails_after_202_resends_nothing(due: Elsewhere, trap: Trap):
    """PAINS A19: the settlement is lost, by a death or a full disk. The journal's line says that it was taken."""
    struck = due.tick(START, trap=trap)
    assert struck.killed or struck.error
    assert states(due.world) == {"claimed": 5}
    assert len(due.world.delivered()) == 5
    assert due.tick(SOON).recovered == 1
    assert states(due.world) == {"sent": 5}
    assert due.world.rows("SELECT DISTINCT length(provider_id) AS n FROM request") == [{"n": 22}]
    assert due.world.rows("SELECT DISTINCT due_at FROM enrollment") == [{"due_at": START + timedelta(days=1)}]
    assert set(due.world.delivered().values()) == {1}


ON_THE_WIRE = [Trap("point", "journal", "after"), Trap("point", "post", "after"), Trap("point", "accepted")]


@pytest.mark.parametrize("trap", ON_THE_WIRE, ids=str)
def test_struck_on_the_wire_it_is_unknown(due: Elsewhere, trap: Trap):
    """PAINS A18: between the journal's line and SendGrid's answer nobody can say; counted, and never posted again."""
    assert due.tick(START, trap=trap).killed
    due.tick(SOON)
    assert states(due.world) == {"unknown": 5}
    due.tick(SOON + timedelta(hours=2))
    assert all(times == 1 for times in due.world.delivered().values())


def test_an_acceptance_without_room_for_its_line(due: Elsewhere):
    """The disk is full between the 202 and the note of it: unknown at worst, and nobody twice."""
    due.tick(START, trap=Trap("full", "accepted"))
    due.tick(SOON)
    assert set(states(due.world)) <= {"sent", "unknown"}
    assert set(due.world.delivered().values()) == {1}


def test_a_refusal_that_was_noted_goes_again(due: Elsewhere):
    """SPEC 6.2: "not sent" is on the disk before anything waits, so a death after it loses and doubles nobody."""
    due.world.faults({"kind": "status", "status": 429})
    assert due.tick(START, trap=Trap("point", "refused", "after")).killed
    due.tick(SOON)
    assert states(due.world) == {"sent": 5}
    assert set(due.world.delivered().values()) == {1}


def test_after_power_loss_all_inflight_is_unknown(due: Elsewhere):
    """SPEC 6.7: another boot; the journal's last lines may never have reached the disk."""
    assert due.tick(START, trap=Trap("point", "post all"), boot="before").killed
    due.tick(SOON, boot="after")
    assert states(due.world) == {"unknown": 5}


def test_the_day_turns_in_the_middle_of_a_tick(elsewhere: Elsewhere):
    """SPEC 4, 6.10: what was claimed for yesterday is not posted today; it is claimed anew, in today's places."""
    world = elsewhere.world
    for number in range(12):
        domain = world.domain(f"d{number}.example", warmup_on=True, table=[6, 6], pacing=False)
        sequence = world.sequence(name=f"s{number}", sender_id=world.sender_of(domain))
        world.enroll(sequence, world.people(3, prefix=f"a{number}-"))
        world.enroll(sequence, world.people(9, prefix=f"b{number}-"), START + timedelta(hours=1))
    elsewhere.tick(START, stride=1)
    [first] = world.rows("SELECT min(posted_at) AS at FROM request")
    midnight = START.replace(hour=0, minute=0) + timedelta(days=1)
    elsewhere.tick(midnight - (first["at"] - START) - timedelta(seconds=5), stride=1)
    truth.look(world)
    truth.within_quota(world)
    kept_back = "SELECT count(*) AS n FROM request WHERE words = 'the UTC day turned before it was posted'"
    assert 0 < world.rows(kept_back)[0]["n"] < 12
    posted = "SELECT count(*) AS n FROM request WHERE state = 'accepted' AND posted_at::DATE <> quota_day"
    assert world.rows(posted) == [{"n": 0}]
    elsewhere.tick(midnight + timedelta(minutes=2))
    truth.within_quota(world)
    assert set(world.delivered().values()) == {1}


def test_an_error_pause_at_a_fifth_goes_on_from_there(elsewhere: Elsewhere):
    """PAINS A10: trouble at 2,500 of 12,000; after it each of the others once, and none of the first again."""
    world = elsewhere.world
    world.domain()
    world.enroll(world.sequence(), world.people(12_000))
    world.faults({"kind": "delay", "seconds": 0, "count": 3}, {"kind": "status", "status": 401, "count": 20})
    assert 2_000 <= elsewhere.tick(START).counts["sent"] <= 8_000
    world.faults()
    elsewhere.tick(SOON)
    assert len(world.delivered()) == 12_000
    assert set(world.delivered().values()) == {1}
