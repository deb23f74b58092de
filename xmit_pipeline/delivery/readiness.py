"""What keeps this process from sending at all, each with what to do: settings, webhook key, journal and clock.

`xmit doctor` and the dashboard's system page show the same findings.
"""

from collections.abc import Iterator
from datetime import datetime

from xmit_pipeline.delivery.journal import Journal
from xmit_pipeline.delivery.safety import out_of_step, unsafe
from xmit_pipeline.delivery.signature import webhook_key
from xmit_pipeline.model.clock import Clock
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.findings import Finding


def settings_finding(settings: Settings, clock: Clock) -> Finding:
    """Whether these settings let anything be sent (SPEC 6.10)."""
    fault = unsafe(settings, clock)
    return Finding("settings", "safe to send" if fault is None else "sending refused", fault or "")


def webhook_findings(settings: Settings) -> Iterator[Finding]:
    """That no event is believed, where there is no key to verify one (SPEC 7)."""
    if not webhook_key(settings) and not settings.host_is_loopback:
        yield Finding(
            "event webhook",
            "no key: every event is refused, and no bounce, complaint or open is ever seen",
            "Run `xmit setup-sendgrid`, or set SENDGRID_WEBHOOK_PUBLIC_KEY.",
        )


def step_findings(connection: Connection, settings: Settings, now: datetime) -> Iterator[Finding]:
    """That store, journal and clock do not fit together, where they don't (SPEC 6.10)."""
    why_not = out_of_step(connection, Journal(settings.journal), now)
    if why_not:
        yield Finding("store", "out of step: sending refused", why_not)
