"""`xmit doctor`: what runs, what is reachable, what is misconfigured, what is stuck, each with what to do."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from xmit_pipeline.cli.console import out, table_of
from xmit_pipeline.cli.dagster_state import DagsterState, dagster_state
from xmit_pipeline.cli.home_lock import surroundings
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.cli.reaching import accepts_connections, answers
from xmit_pipeline.delivery.readiness import settings_finding, step_findings, webhook_findings
from xmit_pipeline.delivery.tick import tick_is_alive
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.model.errors import StoreRefused
from xmit_pipeline.model.settings import Settings, read_settings
from xmit_pipeline.store.findings import Finding, event_findings, rule_findings, sending_findings

HEARTBEAT = timedelta(minutes=2)
"""The daemon says that it lives each 30 seconds."""
REACH_SECONDS = 3


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
                findings += [
                    *step_findings(connection, settings, now),
                    *sending_findings(connection, now, gap=settings.contact_gap),
                ]
                findings += [*event_findings(connection, now), *rule_findings(connection)]
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
    yield settings_finding(settings, WallClock())
    yield _links(settings)
    yield from webhook_findings(settings)
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
