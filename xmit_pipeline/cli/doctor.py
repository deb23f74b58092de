"""`xmit doctor`: what runs, what is reachable, what is misconfigured, what is stuck, each with what to do."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from rich.table import Table

from xmit_pipeline.cli.console import out
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.delivery.safety import unsafe
from xmit_pipeline.delivery.tick import tick_is_alive
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.frontier import due_groups
from xmit_pipeline.store.holds import Hold, holds
from xmit_pipeline.store.invariants import breaches
from xmit_pipeline.store.ticks import last_tick

LATE_MINUTES = 5
"""Mail that is due and free to go for longer than this means that no schedule is running (PAINS C9)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `remedy` is blank where all is well."""

    subject: str
    state: str
    remedy: str = ""


def run_doctor() -> None:
    """Print every finding; what needs a hand says which."""
    now = WallClock().now()
    with opened_store() as (store, settings):
        findings = [*_surroundings(settings)]
        with store.transaction() as connection:
            findings += [*_sending(connection, now), *_rules(connection, now)]
    table = Table("what", "how it is", "what to do")
    for finding in findings:
        table.add_row(finding.subject, finding.state, finding.remedy)
    out.print(table)


def _surroundings(settings: Settings) -> Iterator[Finding]:
    yield Finding("store", str(settings.database))
    parts = urlsplit(settings.sendgrid_host)
    reached = _reachable(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    yield Finding(
        "SendGrid",
        f"{settings.sendgrid_host} {'answers' if reached else 'does not answer'}",
        "" if reached else "Check SENDGRID_HOST and the network; `xmit up` brings a sandbox.",
    )
    fault = unsafe(settings, WallClock())
    yield Finding("settings", "safe to send" if fault is None else "sending refused", fault or "")
    yield Finding("tick", "sending right now" if tick_is_alive(settings) else "none at this moment")


def _sending(connection: Connection, now: datetime) -> Iterator[Finding]:
    tick = last_tick(connection)
    yield Finding(
        "last tick",
        f"{tick['started_at']:%Y-%m-%d %H:%M} UTC, {tick['sent']:,} sent" if tick else "never",
        (tick or {}).get("note") or "",
    )
    for group in due_groups(connection, now):
        free = group.due - group.deferred
        late = (now - group.oldest_due_at).total_seconds() / 60
        if group.deferred and group.wall:
            until = f" until {group.frees_at:%d %b %H:%M} UTC" if group.frees_at else ""
            yield Finding(
                group.step_name, f"{group.deferred:,} wait: {group.wall}{until}", _remedy(group.wall)
            )
        if free and late > LATE_MINUTES:
            yield Finding(
                group.step_name,
                f"{free:,} are due for {late:,.0f} minutes and free to go",
                "No schedule is running: start `xmit up`, or run `xmit tick`.",
            )
    for hold in holds(connection):
        yield Finding(hold.name, f"{hold.kind} held: {hold.reason}", _hold_remedy(hold))


def _rules(connection: Connection, now: datetime) -> Iterator[Finding]:
    broken = breaches(connection, now)
    if not broken:
        yield Finding("invariants", "all hold")
    for rule, count in broken.items():
        yield Finding(
            "invariant broken", f"{rule}: {count:,}", "Stop sending and report this with the store file."
        )


def _remedy(wall: str) -> str:
    remedies = {
        "warmup_day": "Nothing: they go by themselves.",
        "warmup_pace": "Nothing: they go by themselves, hour by hour.",
        "warmup_paused": "Resume the domain's warmup when its health is good again.",
        "sender_unusable": "Verify the sender's domain, or give the step another sender.",
        "step_held": "Mend the step, or release it.",
    }
    return remedies.get(wall, "")


def _hold_remedy(hold: Hold) -> str:
    if hold.kind == "step":
        return "Mend its subject or body, or release it: POST /api/sequences/{id}/steps/{stepId}/release."
    return "Verify it at SendGrid, then release it: POST /api/senders/{id}/release."


def _reachable(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=3):
            return True
    except OSError:
        return False
