"""`xmit doctor`: what runs, what is reachable, what is misconfigured, what is stuck, each with what to do."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from xmit_pipeline.cli.console import out, table_of
from xmit_pipeline.cli.dagster_state import DagsterState, dagster_state
from xmit_pipeline.cli.home_lock import surroundings
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.cli.reaching import accepts_connections, answers
from xmit_pipeline.delivery.journal import Journal
from xmit_pipeline.delivery.safety import out_of_step, unsafe
from xmit_pipeline.delivery.signature import webhook_key
from xmit_pipeline.delivery.tick import tick_is_alive
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.model.errors import StoreRefused
from xmit_pipeline.model.outcomes import Cause
from xmit_pipeline.model.settings import Settings, read_settings
from xmit_pipeline.store.circuits import open_circuit
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.frontier import DueGroup, due_groups
from xmit_pipeline.store.holds import Hold, holds
from xmit_pipeline.store.invariants import breaches
from xmit_pipeline.store.missing_events import events_missing_since
from xmit_pipeline.store.ticks import last_tick
from xmit_pipeline.store.unknown import unknown_requests

LATE = timedelta(minutes=5)
"""Mail that is due and free to go for longer than this means that no schedule is running (PAINS C9)."""
HEARTBEAT = timedelta(minutes=2)
"""The daemon says that it lives each 30 seconds."""
REACH_SECONDS = 3
REMEDIES = {
    "warmup_day": "Nothing: they go by themselves.",
    "warmup_pace": "Nothing: they go by themselves, hour by hour.",
    "warmup_paused": "Resume the domain's warmup when its health is good again.",
    "sender_unusable": "Verify the sender's domain, or give the step another sender.",
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


def run_doctor() -> None:
    """Print every finding; what needs a hand says which."""
    now = WallClock().now()
    table = table_of(["what", "how it is", "what to do"])
    running = surroundings(read_settings().home)
    settings = read_settings({**os.environ, **(running or {})})
    with opened_store(settings) as (store, _):
        findings = [*_addresses(settings, running), *_dagster(dagster_state(settings), now)]
        try:
            with store.transaction() as connection:
                findings += [*_in_step(connection, settings, now), *_sending(connection, now)]
                findings += [*_events(connection, now), *_rules(connection)]
        except StoreRefused as error:
            findings.append(Finding("store", "can't be used", str(error)))
    for finding in findings:
        table.add_row(finding.subject, finding.state, finding.remedy)
    out.print(table)


def _addresses(settings: Settings, running: dict[str, str] | None) -> Iterator[Finding]:
    yield Finding("xmit up", "does not run here" if running is None else "runs; its addresses are looked at")
    yield Finding("store", str(settings.database))
    if not os.access(settings.home, os.W_OK):
        yield Finding(
            "XMIT_HOME", f"{settings.home} can't be written to", "Change its permissions, or XMIT_HOME."
        )
    yield _sendgrid(settings)
    fault = unsafe(settings, WallClock())
    yield Finding("settings", "safe to send" if fault is None else "sending refused", fault or "")
    yield _links(settings)
    if not webhook_key(settings) and not settings.host_is_loopback:
        yield Finding(
            "event webhook",
            "no key: every event is refused, and no bounce, complaint or open is ever seen",
            "Run `xmit setup-sendgrid`, or set SENDGRID_WEBHOOK_PUBLIC_KEY.",
        )
    yield Finding("tick", "sending right now" if tick_is_alive(settings) else "none at this moment")


def _sendgrid(settings: Settings) -> Finding:
    parts = urlsplit(settings.sendgrid_host)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    reached = accepts_connections(parts.hostname or "", port, REACH_SECONDS)
    state = f"{settings.sendgrid_host} {'answers' if reached else 'does not answer'}"
    return Finding(
        "SendGrid",
        state,
        "" if reached else "Check SENDGRID_HOST and the network; `xmit up` brings a sandbox.",
    )


def _links(settings: Settings) -> Finding:
    """Unsubscribe links lead to XMIT_PUBLIC_URL: what they lead to must answer."""
    if answers(f"{settings.public_url}/healthz", REACH_SECONDS):
        return Finding("API", f"{settings.public_url} answers")
    return Finding(
        "API",
        f"{settings.public_url} does not answer",
        "Unsubscribe links lead nowhere: run `xmit up` or `xmit api`, or set XMIT_PUBLIC_URL.",
    )


def _dagster(state: DagsterState, now: datetime) -> Iterator[Finding]:
    if state.heard_at is None or now - state.heard_at > HEARTBEAT:
        heard = (
            f"its daemon was last heard of at {state.heard_at:%Y-%m-%d %H:%M} UTC"
            if state.heard_at
            else "its daemon never ran here"
        )
        yield Finding(
            "Dagster", heard, "Nothing is sent by itself: run `xmit up`, or `xmit tick` each minute."
        )
    else:
        yield Finding("Dagster", "its daemon lives")
    if state.switched_off:
        yield Finding("schedule", "switched off", "Switch every_minute on in Dagster's page Automation.")
    if state.fault:
        yield Finding("schedule", f"failed when it last looked: {state.fault}", "Mend what it names.")


def _in_step(connection: Connection, settings: Settings, now: datetime) -> Iterator[Finding]:
    why_not = out_of_step(connection, Journal(settings.journal), now)
    if why_not:
        yield Finding("store", "out of step: sending refused", why_not)


def _sending(connection: Connection, now: datetime) -> Iterator[Finding]:
    tick = last_tick(connection)
    yield Finding(
        "last tick",
        f"{tick['started_at']:%Y-%m-%d %H:%M} UTC, {tick['sent']:,} sent" if tick else "never",
        (tick or {}).get("note") or "",
    )
    for group in due_groups(connection, now):
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


def _events(connection: Connection, now: datetime) -> Iterator[Finding]:
    since = events_missing_since(connection, now)
    if since is not None:
        yield Finding(
            "events",
            f"missing since {since:%Y-%m-%d %H:%M} UTC: opens, clicks and bounces are incomplete",
            "Run `xmit setup-sendgrid`, and look at the Event Webhook's own page at SendGrid.",
        )


def _rules(connection: Connection) -> Iterator[Finding]:
    broken = breaches(connection)
    if not broken:
        yield Finding("invariants", "all hold")
    for rule, count in broken.items():
        yield Finding(
            "invariant broken", f"{rule}: {count:,}", "Stop sending and report this with the store file."
        )


def _hold_remedy(hold: Hold) -> str:
    if hold.kind == "step":
        return "Mend its subject or body, or release it: POST /api/sequences/{id}/steps/{stepId}/release."
    return "Verify it at SendGrid, then release it: POST /api/senders/{id}/release."
