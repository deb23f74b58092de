"""A small world to test in: a store, a sandbox that stands for SendGrid, and ticks at chosen moments."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import polars as pl

from xmit_pipeline.delivery.tick import TickResult, run_tick
from xmit_pipeline.delivery.transport import Mailer, SendGrid
from xmit_pipeline.model.clock import FixedClock
from xmit_pipeline.model.delays import DelayUnit
from xmit_pipeline.model.errors import XmitError
from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.model.settings import Settings, read_settings
from xmit_pipeline.sandbox.faults import FaultOrder
from xmit_pipeline.sandbox.server import RunningSandbox
from xmit_pipeline.store import enrollments, invariants, senders, sequences, steps, warmup
from xmit_pipeline.store.connection import Connection, EmbeddedStore, offered, rows_as_dicts
from xmit_pipeline.store.enroll_group import EnrollWish, enroll_group

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
BODY = "<p>Hello {{ firstName }}</p>"


def enroll_into(
    connection: Connection, sequence_id: UUID, contact_ids: Sequence[UUID | None], now: datetime
) -> enrollments.EnrollResult:
    """As a call of the API does it, which raises what it refuses."""
    [answer] = enroll_group(connection, [EnrollWish(sequence_id, contact_ids)], now)
    if isinstance(answer, XmitError):
        raise answer
    return answer


@dataclass
class World:
    """Verbs of a test: people, domains, sequences, ticks; each in one transaction."""

    store: EmbeddedStore
    settings: Settings
    sandbox: RunningSandbox
    sendgrid: SendGrid
    ticks: int = field(default=0)

    def domain(self, name: str = "example.com", *, warmup_on: bool = False, **curve: Any) -> UUID:
        """A verified domain with a sender; `curve` are warmup settings, enabled at START."""
        with self.store.transaction() as connection:
            domain_id = senders.add_domain(connection, name, START, verified=True)
            senders.add_sender(connection, domain_id, f"hello@{name}", START)
            if warmup_on:
                warmup.configure(connection, domain_id, START, enabled=True, **curve)
        return domain_id

    def sender_of(self, domain_id: UUID) -> UUID:
        with self.store.snapshot() as connection:
            return next(row["id"] for row in senders.senders(connection) if row["domain_id"] == domain_id)

    def people(self, count: int, *, prefix: str = "person", now: datetime = START) -> list[UUID]:
        """Contacts with a plain name and a company."""
        return self.contacts(
            [
                {
                    "email": f"{prefix}{number}@example.net",
                    "first_name": f"Name {number}",
                    "metadata": {"company": f"Co {number}"},
                }
                for number in range(count)
            ],
            now=now,
        )

    def contacts(self, rows: Sequence[dict[str, Any]], *, now: datetime = START) -> list[UUID]:
        """Contacts as given: email, first_name, last_name, metadata."""
        frame = pl.DataFrame(
            [
                {
                    "email": row["email"],
                    "first_name": row.get("first_name"),
                    "last_name": row.get("last_name"),
                    "metadata": orjson.dumps(row.get("metadata", {})).decode(),
                }
                for row in rows
            ],
            schema={
                "email": pl.String,
                "first_name": pl.String,
                "last_name": pl.String,
                "metadata": pl.String,
            },
        )
        with self.store.transaction() as connection, offered(connection, "given", frame):
            connection.execute(
                "INSERT INTO contact (id, email, first_name, last_name, metadata, status, created_at, updated_at) "
                "SELECT uuidv7(), email, first_name, last_name, metadata, 'active', $now, $now FROM given",
                {"now": now},
            )
            found = dict(connection.execute("SELECT email, id FROM contact").fetchall())
        return [found[row["email"]] for row in rows]

    def sequence(
        self,
        delays_in_days: Sequence[int] = (0,),
        *,
        name: str = "Welcome",
        sender_id: UUID | None = None,
        body: str = BODY,
        subject: str = "Hi {{ firstName }}",
        priority: int = 100,
        list_id: UUID | None = None,
        now: datetime = START,
    ) -> UUID:
        """An active sequence with one step a delay."""
        with self.store.transaction() as connection:
            sequence_id = sequences.create_sequence(
                connection,
                now,
                name=name,
                trigger_type=TriggerType.LIST_ADD if list_id else TriggerType.MANUAL,
                trigger_list_id=list_id,
                sender_id=sender_id,
                priority=priority,
            )
            for number, days in enumerate(delays_in_days, start=1):
                steps.add_step(
                    connection, sequence_id, now, name=f"step {number}", subject=subject, body_html=body,
                    delay_amount=days, delay_unit=DelayUnit.DAYS,
                )  # fmt: skip
            sequences.activate(connection, sequence_id, now)
        return sequence_id

    def enroll(
        self, sequence_id: UUID, contact_ids: Sequence[UUID], now: datetime = START
    ) -> enrollments.EnrollResult:
        with self.store.transaction() as connection:
            return enroll_into(connection, sequence_id, list(contact_ids), now)

    def tick(self, now: datetime) -> TickResult:
        """One tick at this moment; every invariant holds after it."""
        self.ticks += 1
        clock = FixedClock(now)
        mailer = Mailer(self.sendgrid, {"X-Sandbox-Now": now.isoformat()})
        result = run_tick(self.store, self.settings, clock, mailer, f"tick-{self.ticks}")
        with self.store.snapshot() as connection:
            assert invariants.breaches(connection) == {}
        return result

    def faults(self, *faults: dict[str, Any]) -> None:
        """What the sandbox shall do wrong from now on, in place of all before; nothing without faults."""
        self.sandbox.faults.order(FaultOrder(faults=list(faults)).faults)  # type: ignore[arg-type]

    def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        with self.store.snapshot() as connection:
            return rows_as_dicts(connection, query, parameters or None)

    def change(self, statement: str, **parameters: Any) -> None:
        with self.store.transaction() as connection:
            connection.execute(statement, parameters or None)

    def delivered(self) -> dict[str, int]:
        """How often the sandbox took each message in, by the message's own id: the truth on the other side."""
        return dict(self.sandbox.mailbox.acceptances)


@contextmanager
def opened_world(home: Path, sandbox: RunningSandbox) -> Generator[World]:
    """A new store in this folder, joined to the sandbox by the real SendGrid client."""
    settings = read_settings({"XMIT_HOME": str(home), "SENDGRID_HOST": sandbox.url})
    store = EmbeddedStore(settings.database, patience_seconds=20)
    sendgrid = SendGrid(key="SG.test", host=sandbox.url, connections=8)
    try:
        yield World(store, settings, sandbox, sendgrid)
    finally:
        sendgrid.close()
        store.close()


def curve(start: int, target: int, factor: str = "1.5") -> dict[str, Any]:
    """Warmup settings."""
    return {"start": start, "target": target, "factor": Decimal(factor)}
