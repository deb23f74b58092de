"""A backup is copied at any moment, also amid a tick: what it knows too little of is never posted again (SPEC 6.10)."""

from collections.abc import Callable
from datetime import datetime

import orjson
import pytest

from tests.acceptance.backups import DAY, MINUTE, back_up, goes_on, restore, taken_back
from tests.campaigns import START, World
from xmit_pipeline.delivery.journal import Journal
from xmit_pipeline.delivery.tick import run_tick
from xmit_pipeline.delivery.transport import Mailer
from xmit_pipeline.model.clock import FixedClock
from xmit_pipeline.model.outcomes import Answer
from xmit_pipeline.store import invariants
from xmit_pipeline.store.unknown import prove


class Meanwhile:
    """Carries bodies to the sandbox; before the first one something else happens."""

    def __init__(self, world: World, now: datetime, happens: Callable[[], None]) -> None:
        self.inner = Mailer(world.sendgrid, {"X-Sandbox-Now": now.isoformat()})
        self.happens = [happens]

    def post(self, body: bytes) -> Answer:
        while self.happens:
            self.happens.pop()()
        return self.inner.post(body)


def tick_meanwhile(world: World, now: datetime, happens: Callable[[], None]) -> None:
    run_tick(world.store, world.settings, FixedClock(now), Meanwhile(world, now, happens), f"meanwhile {now}")


def back_up_as_claimed(world: World) -> None:
    """As a copy is that was taken between the claim and the last look."""
    world.change("UPDATE request SET state = 'claimed', boot_id = NULL WHERE state = 'inflight'")
    back_up(world)
    world.change("UPDATE request SET state = 'inflight' WHERE state = 'claimed'")


COPIES = {"claimed": back_up_as_claimed, "inflight": back_up}


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_from_amid_the_post_sends_nobody_twice(enrolled: World, copied: str):
    tick_meanwhile(enrolled, START, lambda: COPIES[copied](enrolled))
    restore(enrolled)
    enrolled.tick(START + MINUTE)
    taken_back(enrolled, START + MINUTE)
    goes_on(enrolled, START + MINUTE, accepted=30)
    enrolled.tick(START + DAY)
    assert len(enrolled.delivered()) == 60


def test_a_store_that_knows_the_newest_post_as_claimed_is_behind(enrolled: World):
    """Nothing is posted that was not inflight in the store first: so this one is a copy from before."""
    tick_meanwhile(enrolled, START, lambda: back_up_as_claimed(enrolled))
    restore(enrolled)
    assert "xmit reconcile" in (enrolled.tick(START + MINUTE).report.note or "")


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_from_amid_the_step_before_throws_nobody_back(enrolled: World, copied: str):
    """The journal knows a step more than the open request of the copy."""
    tick_meanwhile(enrolled, START, lambda: COPIES[copied](enrolled))
    enrolled.tick(START + DAY)
    restore(enrolled)
    taken_back(enrolled, START + DAY)
    goes_on(enrolled, START + DAY, accepted=60)
    assert enrolled.rows(
        "SELECT state, presumed, count(*) AS n FROM message GROUP BY ALL ORDER BY presumed"
    ) == [
        {"state": "sent", "presumed": False, "n": 30},
        {"state": "sent", "presumed": True, "n": 30},
    ]


def test_who_was_unknown_at_the_backup_goes_on_from_the_later_step(enrolled: World):
    """The step was proved after the backup, and the next one posted: neither goes again."""
    enrolled.faults({"kind": "reset", "when": "after", "count": 1})
    enrolled.tick(START)
    enrolled.faults()
    back_up(enrolled)
    with enrolled.store.transaction() as connection:
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE proof AS SELECT id AS request_id FROM request WHERE state = 'unknown'"
        )
        prove(connection, START + MINUTE)
    enrolled.tick(START + DAY)
    restore(enrolled)
    taken_back(enrolled, START + DAY)
    goes_on(enrolled, START + DAY, accepted=60)
    enrolled.tick(START + 2 * DAY)
    assert len(enrolled.delivered()) == 90


def test_what_was_left_out_of_a_claimed_request_is_sent_once(enrolled: World):
    """The last look after the copy took five people out of the request: the journal knows who was in the post."""
    tick_meanwhile(enrolled, START, lambda: back_up_as_claimed(enrolled))
    [file] = enrolled.settings.journal.glob("*.jsonl")
    [line] = Journal(enrolled.settings.journal).last_words().values()
    absent = list(line.enrollment_ids[:5])
    file.write_bytes(_without(file.read_bytes(), absent))
    restore(enrolled)
    taken_back(enrolled, START + MINUTE)
    result = enrolled.tick(START + 2 * MINUTE)
    assert result.counts["sent"] == len(absent) == 5
    assert enrolled.rows("SELECT state, count(*) AS n FROM message GROUP BY state") == [
        {"state": "sent", "n": 30}
    ]


def test_places_of_forgotten_requests_keep_their_day(enrolled: World):
    """SPEC 4: a restart keeps the count, whoever the mail went to."""
    back_up(enrolled)
    enrolled.enroll(enrolled.rows("SELECT id FROM sequence")[0]["id"], enrolled.people(5, prefix="late"))
    enrolled.tick(START)
    restore(enrolled)
    taken_back(enrolled, START + MINUTE)
    [places] = enrolled.rows(
        "SELECT sum(size) AS n FROM request JOIN domain ON domain.id = request.domain_id"
    )
    assert places["n"] == 35
    with enrolled.store.snapshot() as connection:
        assert invariants.breaches(connection) == {}


def _without(content: bytes, enrollments: list[str]) -> bytes:
    """A journal whose posted line lacks these enrollments and their messages."""
    lines = [orjson.loads(line) for line in content.split(b"\n") if line]
    for line in lines:
        if "enrollments" in line:
            kept = [
                pair
                for pair in zip(line["messages"], line["enrollments"], strict=True)
                if pair[1] not in enrollments
            ]
            line["messages"], line["enrollments"] = [each[0] for each in kept], [each[1] for each in kept]
            line["contacts"] = []
    return b"".join(b"\n" + orjson.dumps(line) for line in lines)
