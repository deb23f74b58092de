"""The real store and the real tick, in the shape that the machine compares with its model."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl

from tests.campaigns import START
from xmit_pipeline.delivery.deliver import NO_PARTS, boot_id
from xmit_pipeline.delivery.tick import run_tick
from xmit_pipeline.model.clock import FixedClock
from xmit_pipeline.model.outcomes import Answer
from xmit_pipeline.model.settings import Settings, read_settings
from xmit_pipeline.store import invariants, senders
from xmit_pipeline.store.claims import claim
from xmit_pipeline.store.connection import EmbeddedStore, offered, rows_as_dicts
from xmit_pipeline.store.contact_rows import STAGED_COLUMNS
from xmit_pipeline.store.frontier import plan
from xmit_pipeline.store.last_look import make_inflight
from xmit_pipeline.store.ledger import fire_all
from xmit_pipeline.store.outbox import open_requests, settle
from xmit_pipeline.store.tick_start import begin_tick
from xmit_pipeline.store.ticks import finish_tick, start_tick

NOTHING: dict[str, Any] = {"message_id": pl.String, "words": pl.String}
ALONE: dict[str, Any] = {"message_id": pl.String, "request_id": pl.String}
NO_COUNTS: dict[str, int] = dict.fromkeys(("claimed", "sent", "skipped", "failed", "unknown", "deferred"), 0)

ENROLLMENTS = """
SELECT id, status, exit_reason,
    CASE WHEN status IN ('active', 'paused') THEN step_id END AS step_id, due_at,
    CASE WHEN status IN ('active', 'paused') THEN not_before END AS not_before
FROM enrollment """

MESSAGES = "SELECT enrollment_id, step_id, state, reason, email FROM message"

NAME = """
UPDATE enrollment SET id = named.id::UUID
FROM named
WHERE enrollment.sequence_id = named.sequence_id::UUID AND enrollment.contact_id = named.contact_id::UUID
  AND enrollment.id > '00000000-0000-0000-ffff-ffffffffffff'
"""

ASLEEP = """
SELECT count(*) FROM enrollment LEFT JOIN step ON step.id = enrollment.step_id
WHERE enrollment.status = 'active' AND enrollment.due_at IS NOT NULL
  AND (step.id IS NULL OR step.deleted_at IS NOT NULL OR step.sequence_id <> enrollment.sequence_id)
"""


class Yes:
    """A SendGrid that takes everything at once."""

    def post(self, body: bytes) -> Answer:  # noqa: ARG002
        return Answer(202, provider_id="x")


@dataclass
class RealStore:
    """One store in a folder of its own, with two senders on domains without a limit."""

    home: Path
    settings: Settings = field(init=False)
    store: EmbeddedStore = field(init=False)
    senders: list[UUID] = field(init=False)
    ticks: int = 0

    def __post_init__(self) -> None:
        environment = {"XMIT_HOME": str(self.home), "SENDGRID_HOST": "http://127.0.0.1:9"}
        self.settings = read_settings(environment)
        self.store = EmbeddedStore(self.settings.database)
        with self.store.transaction() as connection:
            self.senders = [
                senders.add_sender(
                    connection,
                    senders.add_domain(connection, name, START, verified=True),
                    f"hi@{name}",
                    START,
                )
                for name in ("one.example", "two.example")
            ]

    def rows(self, query: str) -> list[dict[str, Any]]:
        with self.store.snapshot() as connection:
            return rows_as_dicts(connection, query)

    def breaches(self) -> dict[str, int]:
        with self.store.snapshot() as connection:
            found = invariants.breaches(connection)
            (asleep,) = connection.execute(ASLEEP).fetchone() or (0,)
        return found | ({"an active enrollment waits for a live step": asleep} if asleep else {})

    def fire(self, now: datetime) -> None:
        """Who came onto a list by a feed is enrolled."""
        fire_all(self.store, now)

    def name_enrollments(self, ids: dict[tuple[UUID, UUID], UUID]) -> None:
        """Give the newest enrollment of each pair of sequence and contact this id, if that is new."""
        rows = [(str(sequence), str(contact), str(id_)) for (sequence, contact), id_ in ids.items()]
        frame = pl.DataFrame(rows, schema=["sequence_id", "contact_id", "id"], orient="row")
        with self.store.transaction() as connection, offered(connection, "named", frame):
            connection.execute(NAME)

    def tick(self, now: datetime) -> None:
        """A whole tick."""
        self.ticks += 1
        result = run_tick(self.store, self.settings, FixedClock(now), Yes(), f"tick-{self.ticks}")
        assert result.report.note is None

    def claim(self, now: datetime) -> None:
        """The first phase of a tick, committed."""
        self.ticks += 1
        begin_tick(self.store, now)
        with self.store.transaction() as connection:
            start_tick(connection, self._tick, now, datetime.now(UTC), simulated=True)
            claim(
                connection,
                now=now,
                tick_id=self._tick,
                planned=plan(connection, now, 1000),
                public_url="http://127.0.0.1:8000",
                secret="not so secret",
            )

    def look(self, now: datetime) -> None:
        """The second: what is left of the claim is inflight."""
        with self.store.transaction() as connection:
            make_inflight(
                connection,
                now=now,
                tick_id=self._tick,
                boot_id=boot_id(),
                unrendered=pl.DataFrame(schema=NOTHING),
                alone=pl.DataFrame(schema=ALONE),
            )

    def post(self, now: datetime) -> None:
        """The third: SendGrid took it all."""
        with self.store.transaction() as connection:
            answers = open_requests(connection).select(
                "request_id",
                outcome=pl.lit("accepted"),
                posted_at=pl.lit(now, pl.Datetime("us", "UTC")),
                status_code=pl.lit(202, pl.Int32),
                provider_id=pl.lit("x"),
                words=pl.lit(None, pl.String),
            )
            settle(
                connection,
                now=now,
                answered=answers,
                rejected=pl.DataFrame(schema=NOTHING),
                divided=NO_PARTS,
            )
            finish_tick(connection, self._tick, datetime.now(UTC) + timedelta(seconds=1), NO_COUNTS, None, 0)

    @property
    def _tick(self) -> str:
        return f"tick-{self.ticks}"


def staged(addresses: list[str]) -> pl.DataFrame:
    """An import call's rows."""
    rows = [(line, address, None, None, None, None, "{}") for line, address in enumerate(addresses, start=1)]
    return pl.DataFrame(rows, schema=STAGED_COLUMNS, orient="row")
