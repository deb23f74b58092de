"""What must be so after every blow, seen from the sink's side: it was never killed, and knows who was accepted."""

from collections import Counter
from typing import Any

from tests.campaigns import World
from xmit_pipeline.delivery.journal import Entry, Journal
from xmit_pipeline.store import invariants

MAYBE_TAKEN = {"sent", "unknown"}
CONSERVATION = """
SELECT step.id, count(message.id) AS messages,
    count(*) FILTER (message.state IN ('sent', 'failed', 'skipped', 'unknown', 'claimed', 'waiting')) AS counted
FROM step JOIN message ON message.step_id = step.id
GROUP BY step.id HAVING messages <> counted
"""
LOST_ENROLLMENTS = """
SELECT enrollment.id FROM enrollment
LEFT JOIN message ON message.id = enrollment.message_id AND message.state IN ('claimed', 'unknown')
WHERE enrollment.status NOT IN ('active', 'paused', 'completed', 'exited')
   OR (enrollment.status = 'active' AND (enrollment.due_at IS NULL) = (message.id IS NULL))
"""
BY_DAY = """
SELECT domain.name, request.quota_day AS day, max(request.day_limit) AS day_limit
FROM request JOIN domain ON domain.id = request.domain_id WHERE request.day_limit IS NOT NULL GROUP BY ALL
"""


def look(world: World) -> dict[str, Any]:
    """Every promise that can be judged at any moment; answers what was seen. Raises AssertionError.

    With the default policy: `resend` may double, and says how often (`messages.accepted_twice`).
    """
    with world.store.snapshot() as connection:
        broken = invariants.breaches(connection)
    assert broken == {}, f"invariants: {broken}"
    assert world.rows(CONSERVATION) == [], "a message is in no state"
    assert world.rows(LOST_ENROLLMENTS) == [], "an enrollment is lost"
    accepted = world.delivered()
    doubled = {message: times for message, times in accepted.items() if times > 1}
    assert doubled == {}, f"doubled: {doubled}"
    rows = world.rows("""
        SELECT 'msg_' || id_suffix(message.id) AS id, message.state, presumed, request.state AS request_state
        FROM message LEFT JOIN request ON request.id = message.request_id
    """)
    states = {row["id"]: row for row in rows}
    astray = [message for message in accepted if not _may_be_taken(states.get(message))]
    assert astray == [], f"accepted, though the store says it was not: {[states.get(m) for m in astray]}"
    never = [
        row["id"]
        for row in rows
        if row["state"] == "sent" and not row["presumed"] and row["id"] not in accepted
    ]
    assert never == [], f"called sent, though nobody accepted it: {[states[m] for m in never]}"
    return {"states": Counter(row["state"] for row in rows), "accepted": len(accepted)}


def unanswered(world: World) -> set[str]:
    """Requests that were on the wire, by the journal, and have no answer in it."""
    words = Journal(world.settings.journal).last_words()
    return {request for request, line in words.items() if line.entry is Entry.POSTED}


def unknown(world: World) -> set[str]:
    """Requests that the store calls unknown, or once did."""
    rows = world.rows("SELECT id::VARCHAR AS id FROM request WHERE state = 'unknown'")
    return {row["id"] for row in rows}


def inflight(world: World) -> set[str]:
    """Requests that were about to be posted, or on the wire, when their tick died."""
    rows = world.rows("SELECT id::VARCHAR AS id FROM request WHERE state = 'inflight'")
    return {row["id"] for row in rows}


def within_quota(world: World) -> None:
    """Counted at the sink, by the day of the post: nobody passes the day of a warmup."""
    mails = world.sandbox.mailbox.page(limit=100_000).mails
    taken = Counter((mail.sender.rpartition("@")[2], mail.accepted_at.date()) for mail in mails)
    for row in world.rows(BY_DAY):
        assert taken[row["name"], row["day"]] <= row["day_limit"], (row, taken)


def accepted_requests(world: World) -> list[str]:
    """`xmit_request` of everything that the sink has accepted: what events would bear."""
    mails = world.sandbox.mailbox.page(limit=100_000).mails
    return list(dict.fromkeys(mail.custom_args["xmit_request"] for mail in mails))


def _may_be_taken(row: dict[str, Any] | None) -> bool:
    """Sent, unknown, or in a request that a dead tick left open."""
    if row is None:
        return False
    return row["state"] in MAYBE_TAKEN or (row["state"], row["request_state"]) == ("claimed", "inflight")
