"""Between claim and post things change: gone is skipped, walled is released, edited goes as claimed (SPEC 6.4)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from tests.campaigns import START, World
from xmit_pipeline.delivery.window import render_windows
from xmit_pipeline.store.claims import Claim, claim
from xmit_pipeline.store.frontier import plan
from xmit_pipeline.store.last_look import LastLook, make_inflight

Change = Callable[[World], None]


@pytest.fixture
def claimed(world: World) -> World:
    """Three people whose first message is claimed, and not yet posted."""
    world.domain()
    world.enroll(world.sequence((0, 1)), world.people(3))
    claim_all(world)
    return world


def claim_all(world: World) -> Claim:
    with world.store.transaction() as connection:
        planned = plan(connection, START, 100)
        return claim(
            connection,
            now=START,
            tick_id="t",
            planned=planned,
            public_url="https://x.example",
            secret=world.settings.secret,
        )


def look(world: World, now: Any = START, unrendered: pl.DataFrame | None = None) -> LastLook:
    nobody = pl.DataFrame(schema={"message_id": pl.String, "words": pl.String})
    with world.store.transaction() as connection:
        return make_inflight(
            connection,
            now=now,
            tick_id="t",
            boot_id="boot",
            unrendered=nobody if unrendered is None else unrendered,
            alone=pl.DataFrame(schema={"message_id": pl.String, "request_id": pl.String}),
        )


def outcome(world: World) -> list[tuple[str, str | None, str, str | None]]:
    rows = world.rows("""
        SELECT message.state, message.reason, enrollment.status, enrollment.exit_reason
        FROM message JOIN enrollment ON enrollment.id = message.enrollment_id ORDER BY message.email
    """)
    return [tuple(row.values()) for row in rows]  # type: ignore[misc]


GONE: dict[str, tuple[str, tuple[str, str, str, str]]] = {
    "suppressed": (
        "INSERT INTO suppression (id, email, reason, source, created_at) "
        "VALUES (uuidv7(), 'person0@example.net', 'manual', 'test', '2026-01-01')",
        ("skipped", "suppressed", "exited", "suppressed"),
    ),
    "unsubscribed": (
        "UPDATE contact SET status = 'unsubscribed' WHERE email = 'person0@example.net'",
        ("skipped", "inactive", "exited", "unsubscribed"),
    ),
    "exited": (
        "UPDATE enrollment SET status = 'exited', exit_reason = 'manual' "
        "WHERE contact_id = (SELECT id FROM contact WHERE email = 'person0@example.net')",
        ("skipped", "exited", "exited", "manual"),
    ),
}


@pytest.mark.parametrize("case", GONE)
def test_who_is_gone_is_skipped_and_nobody_else(claimed: World, case: str):
    """PAINS E2, E4: an opt-out between claim and post is not mailed, and concerns that person alone."""
    statement, expected = GONE[case]
    claimed.change(statement)
    assert look(claimed).ready.height == 2
    assert outcome(claimed) == [
        expected,
        ("claimed", None, "active", None),
        ("claimed", None, "active", None),
    ]


WALLS = {
    "sequence paused": "UPDATE sequence SET status = 'paused'; UPDATE enrollment SET status = 'paused'",
    "step held": "UPDATE step SET held_at = '2026-01-01'",
    "sender unverified": "UPDATE sender SET verified = false",
    "warmup paused": "UPDATE domain SET warmup_state = 'paused', warmup_state_before = 'inactive'",
}


@pytest.mark.parametrize("wall", WALLS)
def test_a_wall_releases_and_skips_nobody(claimed: World, wall: str):
    claimed.change(WALLS[wall])
    assert look(claimed).ready.is_empty()
    assert {state for state, *_ in outcome(claimed)} == {"waiting"}
    assert claimed.rows("SELECT DISTINCT due_at FROM enrollment") == [{"due_at": START}]
    assert claimed.rows("SELECT state FROM request") == [{"state": "released"}]


def test_a_turned_day_releases_its_places(claimed: World):
    """SPEC 4: never more than what is left of the day, also when the day turns mid-tick."""
    assert look(claimed, START + timedelta(days=1)).ready.is_empty()
    assert claimed.rows("SELECT state, size FROM request") == [{"state": "released", "size": 0}]


def test_a_changed_sender_is_claimed_anew(claimed: World):
    other = claimed.domain("other.example")
    claimed.change("UPDATE step SET sender_id = $id", id=claimed.sender_of(other))
    assert look(claimed).ready.is_empty()
    claimed.tick(START)
    assert {mail.sender for mail in claimed.sandbox.mailbox.page().mails} == {"hello@other.example"}


def test_a_deleted_step_is_passed(claimed: World):
    claimed.change("UPDATE step SET deleted_at = '2026-01-01' WHERE position = 1")
    look(claimed)
    assert {(state, reason) for state, reason, *_ in outcome(claimed)} == {("skipped", "step_deleted")}
    assert claimed.rows("SELECT DISTINCT due_at FROM enrollment") == [{"due_at": START + timedelta(days=1)}]


def test_an_edited_step_goes_as_claimed(world: World):
    world.domain()
    world.enroll(world.sequence(), world.people(1))
    taken = claim_all(world)
    world.change("UPDATE step SET subject = 'new words'")
    [window] = render_windows(taken, START)
    [envelope] = window.envelopes(look(world).ready)
    assert b"Hi " in envelope.body
    assert b"new words" not in envelope.body


def failing(world: World, emails: list[str]) -> pl.DataFrame:
    rows = world.rows(
        "SELECT id::VARCHAR AS message_id FROM message WHERE list_contains($emails, email)", emails=emails
    )
    return pl.DataFrame(
        [{**row, "words": "bad filter"} for row in rows], schema={"message_id": pl.String, "words": pl.String}
    )


def test_a_render_error_skips_one_and_counts_on_from_there(claimed: World):
    """SPEC 5: the enrollment goes on, the next delay counts from the skip."""
    look(claimed, unrendered=failing(claimed, ["person1@example.net"]))
    assert outcome(claimed)[1] == ("skipped", "render_error", "active", None)
    assert claimed.rows("SELECT due_at FROM enrollment WHERE due_at IS NOT NULL") == [
        {"due_at": START + timedelta(days=1)}
    ]


def test_a_step_that_mostly_fails_is_held_and_skips_nobody(world: World):
    """SPEC 5: more than 20 %, at least 20."""
    world.domain()
    world.enroll(world.sequence(), world.people(90))
    claim_all(world)
    look(world, unrendered=failing(world, [f"person{number}@example.net" for number in range(20)]))
    assert {state for state, *_ in outcome(world)} == {"waiting"}
    [held] = world.rows("SELECT hold_reason FROM step WHERE held_at IS NOT NULL")
    assert held["hold_reason"].startswith("render_error: 20 of 90 failed to render; bad filter")


def test_nineteen_failures_are_skipped_without_a_hold(world: World):
    world.domain()
    world.enroll(world.sequence(), world.people(30))
    claim_all(world)
    look(world, unrendered=failing(world, [f"person{number}@example.net" for number in range(19)]))
    assert world.rows("SELECT count(*) AS n FROM step WHERE held_at IS NOT NULL") == [{"n": 0}]


def test_places_of_those_who_left_come_back(claimed: World):
    """SPEC 4: places are reserved at claim and returned on release."""
    claimed.change(GONE["suppressed"][0])
    look(claimed)
    assert claimed.rows("SELECT state, size FROM request") == [{"state": "inflight", "size": 2}]
