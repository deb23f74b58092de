"""What the store shows to be late, waiting, held or incomplete, each with what to do (PAINS C9).

`xmit doctor` prints these findings and the dashboard's system page shows them: the same, from here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from xmit_pipeline.model.outcomes import Cause
from xmit_pipeline.store.circuits import open_circuit
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.frontier import NO_GAP, DueGroup, due_groups
from xmit_pipeline.store.holds import Hold, holds
from xmit_pipeline.store.invariants import BREACHES, breach_count
from xmit_pipeline.store.missing_events import events_missing_since
from xmit_pipeline.store.ticks import last_tick
from xmit_pipeline.store.unknown import unknown_requests

LATE = timedelta(minutes=5)
"""Mail that is due and free to go for longer than this means that no schedule is running (PAINS C9)."""

REMEDIES = {
    "warmup_day": "Nothing: they go by themselves.",
    "warmup_pace": "Nothing: they go by themselves, hour by hour.",
    "warmup_paused": "Resume the domain's warmup when its health is good again.",
    "sender_unusable": "Verify the sender's domain, or give the step another sender.",
    "contact_gap": "Nothing: they go by themselves, when their last mail is long enough ago.",
    "step_held": "Mend the step, or release it.",
}

CIRCUIT_REMEDIES = {
    Cause.BUSY: "Nothing: it is tried again by itself.",
    Cause.UNANSWERED: "Look at status.sendgrid.com; it is tried again by itself.",
    Cause.CREDENTIALS: "Check SENDGRID_API_KEY, its scopes and the account's credits.",
    Cause.STRANGER: "Check SENDGRID_HOST and the proxy before it.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `remedy` is blank where all is well."""

    subject: str
    state: str
    remedy: str = ""


def sending_findings(
    connection: Connection,
    now: datetime,
    groups: Iterable[DueGroup] | None = None,
    gap: timedelta = NO_GAP,
) -> Iterator[Finding]:
    """The last tick, who waits and for what, the circuit, what is of unknown fate, and what is held.

    `groups` is `due_groups` at `now`, where the caller has it already; else it is made, with the contact gap `gap`.
    """
    tick = last_tick(connection)
    yield Finding(
        "last tick",
        f"{tick['started_at']:%Y-%m-%d %H:%M} UTC, {tick['sent']:,} sent" if tick else "never",
        (tick or {}).get("note") or "",
    )
    for group in due_groups(connection, now, gap) if groups is None else groups:
        yield from _waiting(group, now)
    circuit = open_circuit(connection)
    if circuit is not None:
        yield Finding("SendGrid", circuit.told, CIRCUIT_REMEDIES[circuit.cause])
    unknown = sum(row["unknown"] for row in unknown_requests(connection))
    if unknown:
        yield Finding(
            "unknown fate", f"{unknown:,} messages left without an answer", "See and settle: `xmit unknown`."
        )
    for hold in holds(connection):
        yield Finding(hold.name, f"{hold.kind} held: {hold.reason}", _hold_remedy(hold))


def event_findings(connection: Connection, now: datetime) -> Iterator[Finding]:
    """Whether SendGrid's events, and what is counted from them, are incomplete."""
    since = events_missing_since(connection, now)
    if since is not None:
        yield Finding(
            "events",
            f"missing since {since:%Y-%m-%d %H:%M} UTC: opens, clicks and bounces are incomplete",
            "Run `xmit setup-sendgrid`, and look at the Event Webhook's own page at SendGrid.",
        )


def rule_findings(connection: Connection) -> Iterator[Finding]:
    """Every rule that is broken, or that all hold; it takes seconds where there are millions."""
    broken = {rule: breach_count(connection, rule) for rule in BREACHES}
    return rules_told(broken)


def rules_told(counts: dict[str, int]) -> Iterator[Finding]:
    """What `breach_count` says of each rule, as findings."""
    broken = {rule: count for rule, count in counts.items() if count}
    if not broken:
        yield Finding("invariants", "all hold")
    for rule, count in broken.items():
        yield Finding(
            "invariant broken", f"{rule}: {count:,}", "Stop sending and report this with the store file."
        )


def _waiting(group: DueGroup, now: datetime) -> Iterator[Finding]:
    free, late = group.due - group.deferred, now - group.oldest_due_at
    if group.deferred and group.wall:
        until = f" until {group.frees_at:%d %b %H:%M} UTC" if group.frees_at else ""
        state = f"{group.deferred:,} wait: {group.wall}{until}"
        yield Finding(group.step_name, state, REMEDIES.get(group.wall, ""))
    if free and late > LATE:
        yield Finding(
            group.step_name,
            f"{free:,} are due for {late.total_seconds() / 60:,.0f} minutes and free to go",
            "No schedule is running: start `xmit up`, or run `xmit tick`.",
        )


def _hold_remedy(hold: Hold) -> str:
    if hold.kind == "step":
        return "Mend its subject or body, or release it: POST /api/sequences/{id}/steps/{stepId}/release."
    return "Verify it at SendGrid, then release it: POST /api/senders/{id}/release."
