"""What outgoing webhooks have to tell: every fact that became known, once for each endpoint that wants it (SPEC 8).

Nothing reports to this module: it reads the facts and leaves out what is queued already. A look reads only what
became known since the one before; how far back that is, `_reach` says, and it errs on the early side.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from xmit_pipeline.model.webhooks import TRIES, WebhookType
from xmit_pipeline.store.connection import Connection, Store
from xmit_pipeline.store.webhook_facts import COLUMNS, FACTS

LATE = timedelta(minutes=15)
"""How long after it read its time a transaction may be committed; also how far two clocks of us may differ."""
LONGEST_TICK = timedelta(days=1)
"""After this a tick without an end is dead."""
KEPT = timedelta(days=7)
"""How long what is over stays visible; until then it also keeps the same thing from being told again."""

WANTED = """
SELECT DISTINCT type
FROM webhook_subscription JOIN webhook_endpoint AS endpoint ON endpoint.id = webhook_subscription.endpoint_id
WHERE endpoint.enabled AND endpoint.deleted_at IS NULL
ORDER BY type
"""

UNTOLD = """
FROM ({facts}) AS fact
JOIN webhook_subscription AS subscription ON subscription.type = $type AND subscription.heard_from <= fact.known_at
JOIN webhook_endpoint AS endpoint
    ON endpoint.id = subscription.endpoint_id AND endpoint.enabled AND endpoint.deleted_at IS NULL
WHERE NOT EXISTS (
        SELECT 1 FROM webhook_delivery AS told
        WHERE told.type = $type AND told.subject = fact.subject AND told.endpoint_id = endpoint.id)
  AND NOT EXISTS (
        SELECT 1 FROM webhook_mark AS mark
        WHERE mark.type = $type AND mark.subject = fact.subject AND mark.endpoint_id = endpoint.id)
"""

QUEUE = f"""
INSERT INTO webhook_delivery (id, endpoint_id, type, {COLUMNS}, state, attempts, tries_left, created_at,
    next_attempt_at)
SELECT uuidv7(), endpoint.id, $type, {COLUMNS}, 'waiting', 0, $tries, $now, $now
{UNTOLD}
"""

ANY_UNTOLD = f"SELECT 1 {UNTOLD} LIMIT 1"

ANY_DUE = """
SELECT 1
FROM webhook_delivery AS delivery JOIN webhook_endpoint AS endpoint ON endpoint.id = delivery.endpoint_id
WHERE delivery.state = 'waiting' AND delivery.next_attempt_at <= $now AND endpoint.enabled
LIMIT 1
"""

MARK = """
INSERT INTO webhook_mark
SELECT $endpoint_id, $type, fact.subject, fact.known_at FROM ({facts}) AS fact WHERE fact.known_at >= $low
"""

REACH = """
SELECT greatest(min(subscription.heard_from), least(
    min(look.moment), min(look.looked_at), $now, $wall,
    (SELECT min(tick.moment) FROM tick, webhook_look AS last
     WHERE last.type = $type
       AND coalesce(tick.finished_at, tick.started_at + to_microseconds($longest))
           >= last.looked_at - to_microseconds($late))
) - to_microseconds($late))
FROM webhook_subscription AS subscription LEFT JOIN webhook_look AS look ON look.type = subscription.type
WHERE subscription.type = $type
HAVING count(look.type) > 0
"""

FIRST_HEARD = "SELECT min(heard_from) FROM webhook_subscription WHERE type = $type"

LOOKED = "UPDATE webhook_look SET moment = $now, looked_at = $wall WHERE type = $type"
FIRST_LOOK = "INSERT INTO webhook_look VALUES ($type, $now, $wall)"

OLDEST_TOLD = "SELECT min(known_at) FROM webhook_delivery WHERE state <> 'waiting'"

FORGET = [
    "DELETE FROM webhook_delivery WHERE state <> 'waiting' AND known_at < $until",
    "DELETE FROM webhook_mark WHERE known_at < $until",
    "UPDATE webhook_subscription SET heard_from = $until WHERE heard_from < $until",
]


def subscribe(
    connection: Connection, endpoint_id: UUID, types: Collection[WebhookType], now: datetime
) -> None:
    """Let an endpoint hear of what becomes known from now on; what is known already is marked, and never told."""
    low = now - LATE
    for event in sorted(types):
        connection.execute(
            "INSERT INTO webhook_subscription VALUES ($endpoint_id, $type, $low)",
            {"endpoint_id": endpoint_id, "type": event, "low": low},
        )
        connection.execute(
            MARK.format(facts=FACTS[WebhookType(event)]),
            {"endpoint_id": endpoint_id, "type": event, "low": low},
        )


def queue_untold(store: Store, now: datetime, wall: datetime) -> int:
    """Queue everything that became known since the last look, a transaction a type; answers how many deliveries.

    Nothing is queued twice, and nothing is missed, whatever order the times of ticks, calls and events come in.
    `now` is the tick's time, `wall` the wall clock's. Without an enabled endpoint it costs one small query.
    """
    with store.snapshot() as connection:
        wanted = _wanted(connection)
    queued = 0
    for event in wanted:
        with store.transaction() as connection:
            queued += _queue(connection, event, now, wall)
    return queued


def any_wanted(connection: Connection) -> bool:
    """Whether an enabled endpoint wants to hear of anything; one small query."""
    return bool(_wanted(connection))


def any_untold(connection: Connection, now: datetime) -> bool:
    """Whether a tick at this moment of the wall clock would find something to tell, or to post; read only."""
    wanted = _wanted(connection)
    return bool(wanted) and (
        _any_due(connection, now) or any(_stirs(connection, event, now) for event in wanted)
    )


def forget_told(store: Store, now: datetime, wall: datetime) -> None:
    """Once a day, delete what has been over for a week; what became known before that is not told any more either."""
    until = min(now, wall) - KEPT
    with store.snapshot() as connection:
        (oldest,) = connection.execute(OLDEST_TOLD).fetchone() or (None,)
    if oldest is None or oldest >= until - timedelta(days=1):
        return
    with store.transaction() as connection:
        for statement in FORGET:
            connection.execute(statement, {"until": until})


def _wanted(connection: Connection) -> list[WebhookType]:
    return [WebhookType(event) for (event,) in connection.execute(WANTED).fetchall()]


def _queue(connection: Connection, event: WebhookType, now: datetime, wall: datetime) -> int:
    low = _reach(connection, event, now, wall)
    (queued,) = connection.execute(
        QUEUE.format(facts=FACTS[event]), {"type": event, "low": low, "now": now, "tries": TRIES}
    ).fetchone() or (0,)
    times = {"type": event, "now": now, "wall": wall}
    (known,) = connection.execute(LOOKED, times).fetchone() or (0,)
    if not known:
        connection.execute(FIRST_LOOK, times)
    return queued


def _stirs(connection: Connection, event: WebhookType, now: datetime) -> bool:
    low = _reach(connection, event, now, now)
    query = ANY_UNTOLD.format(facts=FACTS[event])
    return connection.execute(query, {"type": event, "low": low}).fetchone() is not None


def _any_due(connection: Connection, now: datetime) -> bool:
    return connection.execute(ANY_DUE, {"now": now}).fetchone() is not None


def _reach(connection: Connection, event: WebhookType, now: datetime, wall: datetime) -> datetime:
    """No fact that became known since the last look of this type has an earlier time.

    Whoever writes goes by the wall clock, or is a tick and has its moment on record; both may have been set back.
    """
    parameters = {
        "type": event,
        "now": now,
        "wall": wall,
        "longest": LONGEST_TICK // timedelta(microseconds=1),
        "late": LATE // timedelta(microseconds=1),
    }
    found = connection.execute(REACH, parameters).fetchone()
    found = found or connection.execute(FIRST_HEARD, {"type": event}).fetchone()
    return found[0] if found and found[0] else now
