"""The last look before the post, and what may go committed as inflight (SPEC 6.2, 6.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from xmit_pipeline.model.warmup import utc_day
from xmit_pipeline.store.connection import Connection, frame, offered
from xmit_pipeline.store.frontier import STEP_SENDERS
from xmit_pipeline.store.holds import hold_step
from xmit_pipeline.store.outbox import release, withdraw
from xmit_pipeline.store.progress import advance, exit_enrollments, leave_deleted_steps
from xmit_pipeline.store.suppressions import ACTIVE_SUPPRESSIONS

HOLD_SHARE = 0.2
"""A step is held where more than this share of its renders in one claim window fail (SPEC 5)."""
HOLD_AT_LEAST = 20

BEFORE = {"step_id": pl.String, "rendered": pl.Int64, "failed": pl.Int64}

LOOKED_AT = """
CREATE OR REPLACE TEMP TABLE looked_at AS
SELECT id AS request_id FROM request
WHERE tick_id = $tick_id AND state = 'claimed' AND ($everything OR id IN (SELECT request_id::UUID FROM chosen))
"""

FATES = f"""
CREATE OR REPLACE TEMP TABLE fate AS
SELECT message.id AS message_id, message.enrollment_id, message.step_id, message.request_id, message.due_at,
    message.overdue, unrendered.words,
    CASE
        WHEN enrollment.status = 'exited' THEN 'skip:' || skip_reason(enrollment.exit_reason)
        WHEN contact.deleted_at IS NOT NULL THEN 'exit:contact_deleted'
        WHEN contact.status <> 'active' THEN 'exit:' || contact.status
        WHEN suppressed.email IS NOT NULL AND contact.email <> message.email THEN 'release'
        WHEN suppressed.email IS NOT NULL THEN 'exit:suppressed'
        WHEN step_sender.step_id IS NULL THEN 'leave:step_deleted'
        WHEN enrollment.status <> 'active' OR message.accepted_twice THEN 'release'
        WHEN step_sender.wall IS NOT NULL AND (NOT request.probe OR step_sender.probe_at IS NULL) THEN 'release'
        WHEN step_sender.sender_id <> request.sender_id OR request.quota_day <> $today THEN 'release'
        WHEN unrendered.message_id IS NOT NULL THEN 'pass:render_error'
        ELSE 'go'
    END AS fate
FROM looked_at
JOIN request ON request.id = looked_at.request_id
JOIN message ON message.request_id = looked_at.request_id AND message.state = 'claimed'
JOIN enrollment ON enrollment.id = message.enrollment_id
JOIN contact ON contact.id = message.contact_id
LEFT JOIN ({ACTIVE_SUPPRESSIONS}) AS suppressed ON suppressed.email = message.email
LEFT JOIN step_sender ON step_sender.step_id = message.step_id
LEFT JOIN unrendered ON unrendered.message_id::UUID = message.id
"""  # noqa: S608  (a constant subquery)

HOLD_STEPS = """
UPDATE step SET held_at = $now, hold_reason = held.reason
FROM (
    SELECT step_id,
        format('render_error: {} of {} failed to render; {}', sum(failed)::BIGINT, sum(rendered)::BIGINT,
            any_value(words)) AS reason
    FROM (
        SELECT step_id, count(*) AS rendered, count(*) FILTER (fate = 'pass:render_error') AS failed,
            any_value(words) AS words
        FROM fate WHERE fate IN ('go', 'pass:render_error')
        GROUP BY step_id
        UNION ALL
        SELECT step_id::UUID, rendered, failed, NULL FROM before
    )
    GROUP BY step_id
    HAVING sum(failed) > sum(rendered) * $share AND sum(failed) >= $at_least AND count(words) > 0
) AS held
WHERE step.id = held.step_id AND NOT step.skip_failing
"""

HELD_RELEASE = """
UPDATE fate SET fate = 'release'
FROM step
WHERE step.id = fate.step_id AND step.held_at IS NOT NULL AND fate.fate IN ('go', 'pass:render_error')
"""

SKIP = """
UPDATE message SET state = 'skipped', words = fate.words, settled_at = $now,
    reason = CASE WHEN fate.fate LIKE 'exit:%' THEN skip_reason(split_part(fate.fate, ':', 2))
        ELSE split_part(fate.fate, ':', 2) END
FROM fate
WHERE message.id = fate.message_id AND fate.fate NOT IN ('go', 'release')
"""

SPLIT_OFF = """
INSERT INTO request (id, tick_id, sequence_id, step_id, sender_id, domain_id, state, size, overdue, quota_day,
    day_limit, probe, created_at)
SELECT alone.request_id::UUID, request.tick_id, request.sequence_id, request.step_id, request.sender_id,
    request.domain_id, 'claimed', 1, message.overdue::INTEGER, request.quota_day,
    request.day_limit, request.probe, $now
FROM alone
JOIN message ON message.id = alone.message_id::UUID AND message.state = 'claimed'
JOIN request ON request.id = message.request_id
"""

INFLIGHT = """
UPDATE request SET state = 'inflight', boot_id = $boot_id
WHERE state = 'claimed' AND id IN (FROM looked_at)
"""

READY = """
SELECT request.id AS request_id, message.id AS message_id, message.step_id, message.enrollment_id, message.contact_id,
    request.sender_id
FROM looked_at
JOIN request ON request.id = looked_at.request_id AND request.state = 'claimed'
JOIN message ON message.request_id = looked_at.request_id AND message.state = 'claimed'
"""


@dataclass(frozen=True, slots=True)
class LastLook:
    """What may be posted now, and what the last look kept back.

    `ready`: request_id, message_id, step_id, enrollment_id, contact_id, sender_id (UUID text), a row a message of
    requests that are now inflight.
    """

    ready: pl.DataFrame
    skipped: int
    released: int


def make_inflight(
    connection: Connection,
    *,
    now: datetime,
    tick_id: str,
    boot_id: str,
    unrendered: pl.DataFrame,
    alone: pl.DataFrame,
    requests: Sequence[str] | None = None,
    before: pl.DataFrame | None = None,
    broken: Mapping[str, str] | None = None,
) -> LastLook:
    """Look once more at a tick's claimed requests, and commit what may go as inflight (SPEC 6.2, 6.4).

    `alone`: message_id, request_id: messages that leave their request for one of their own, before anything else.
    `requests`: those looked at; None: all that are claimed. `unrendered`: message_id, words; `before`: step_id,
    rendered, failed: how the step did earlier in this claim. `broken`: steps of which nothing can be rendered,
    with the words. Who is gone is skipped; whoever stands before a wall is released.
    """
    with offered(connection, "alone", alone):
        _split_off(connection, now)
    chosen = pl.DataFrame({"request_id": list(requests or ())}, schema={"request_id": pl.String})
    with offered(connection, "chosen", chosen):
        connection.execute(LOOKED_AT, {"tick_id": tick_id, "everything": requests is None})
    connection.execute(STEP_SENDERS)
    with offered(connection, "unrendered", unrendered):
        connection.execute(FATES, {"now": now, "today": utc_day(now)})
    with offered(connection, "before", pl.DataFrame(schema=BEFORE) if before is None else before):
        connection.execute(HOLD_STEPS, {"now": now, "share": HOLD_SHARE, "at_least": HOLD_AT_LEAST})
    for step_id, words in (broken or {}).items():
        hold_step(connection, step_id, now, f"render_error: {words}")
    connection.execute(HELD_RELEASE)
    _apply_fates(connection, now)
    ready = frame(connection, READY)
    connection.execute(INFLIGHT, {"boot_id": boot_id})
    skipped, released = connection.execute(
        "SELECT count(*) FILTER (fate NOT IN ('go', 'release')), count(*) FILTER (fate = 'release') FROM fate"
    ).fetchone() or (0, 0)
    return LastLook(ready, skipped, released)


def _apply_fates(connection: Connection, now: datetime) -> None:
    connection.execute(SKIP, {"now": now})
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE exiting AS
        SELECT enrollment_id, message_id, due_at, split_part(fate, ':', 2) AS exit_reason
        FROM fate WHERE fate LIKE 'exit:%'
    """)
    exit_enrollments(connection, now)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE passed AS "
        "SELECT enrollment_id, step_id, $now::TIMESTAMPTZ AS at FROM fate WHERE fate LIKE 'pass:%'",
        {"now": now},
    )
    advance(connection)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE stranded AS SELECT enrollment_id FROM fate WHERE fate LIKE 'leave:%'"
    )
    leave_deleted_steps(connection, now)
    connection.execute("CREATE OR REPLACE TEMP TABLE releasing AS FROM fate WHERE fate = 'release'")
    release(connection, now)
    connection.execute("CREATE OR REPLACE TEMP TABLE leaving AS FROM fate WHERE fate <> 'go'")
    withdraw(connection, now)


def _split_off(connection: Connection, now: datetime) -> None:
    """Messages of `alone` leave their requests for new ones of the same claim, with their places."""
    connection.execute(SPLIT_OFF, {"now": now})
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE leaving AS
        SELECT message.id AS message_id, message.request_id, message.overdue, alone.request_id::UUID AS alone_id
        FROM alone JOIN message ON message.id = alone.message_id::UUID AND message.state = 'claimed'
    """)
    withdraw(connection, now)
    connection.execute("INSERT INTO attempt SELECT alone_id, message_id, false FROM leaving")
    connection.execute(
        "UPDATE message SET request_id = leaving.alone_id FROM leaving WHERE message.id = leaving.message_id"
    )
