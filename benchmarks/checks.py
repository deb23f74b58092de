"""The checks that every tick ends with, over all that was ever sent."""

from benchmarks.figures import report, timed
from benchmarks.worlds import NOW, add_sequences, empty_world
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.tick_checks import tick_breaches

MESSAGES = 3_000_000
LAST_TICK = f"tick-{MESSAGES // 1000 // 20 - 1}"

PLACES = """
CREATE OR REPLACE TEMP TABLE place AS
SELECT i, uuidv7() AS message_id, uuidv7() AS enrollment_id, i // 1000 AS bundle FROM range($messages) AS series(i)
"""
BUNDLES = "CREATE OR REPLACE TEMP TABLE bundle AS SELECT i, uuidv7() AS id FROM range($messages // 1000) AS series(i)"

ENROLLMENTS = """
INSERT INTO enrollment (id, sequence_id, contact_id, status, source, message_id, enrolled_at, ended_at)
SELECT enrollment_id, step.sequence_id, uuidv7(), 'completed', 'import', message_id, $now, $now
FROM place CROSS JOIN step
"""
REQUESTS = """
INSERT INTO request (id, tick_id, sequence_id, step_id, sender_id, domain_id, state, size, overdue, quota_day, probe,
    created_at, settled_at)
SELECT bundle.id, 'tick-' || bundle.i // 20, step.sequence_id, step.id, sender.id, sender.domain_id, 'accepted', 1000,
    0, $now::DATE, false, $now, $now
FROM bundle CROSS JOIN step CROSS JOIN sender
"""
SENT = """
INSERT INTO message (id, enrollment_id, sequence_id, step_id, contact_id, email, state, presumed, due_at, overdue,
    request_id, created_at, sent_at, settled_at)
SELECT message_id, enrollment_id, step.sequence_id, step.id, enrollment_id, 'person' || place.i || '@example.com',
    'sent', false, $now, false, bundle.id, $now, $now, $now
FROM place JOIN bundle ON bundle.i = place.bundle CROSS JOIN step
"""
ATTEMPTS = """
INSERT INTO attempt SELECT bundle.id, place.message_id, false FROM place JOIN bundle ON bundle.i = place.bundle
"""


def add_sent(connection: Connection) -> None:
    """So many messages sent by ticks of 20 requests."""
    add_sequences(connection, 1)
    connection.execute(PLACES, {"messages": MESSAGES})
    connection.execute(BUNDLES, {"messages": MESSAGES})
    for statement in (ENROLLMENTS, REQUESTS, SENT):
        connection.execute(statement, {"now": NOW})
    connection.execute(ATTEMPTS)


def run() -> None:
    """All figures of this module."""
    with empty_world() as (store, _):
        with store.transaction() as connection:
            add_sent(connection)
        with store.snapshot() as connection:
            tick_breaches(connection, LAST_TICK, NOW)
            broken, seconds = timed(lambda: tick_breaches(connection, LAST_TICK, NOW))
    assert not any(broken.values()), broken
    report("checks of a tick over 3 M messages sent", seconds, "s", limit=0.5, better="lower")
