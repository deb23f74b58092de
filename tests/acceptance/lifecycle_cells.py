"""One person before the second of three steps, in each state that SPEC 6 knows, and what may be done to them there.

Day 0 is when they were enrolled and got step one. Step two is due on day 1, one day after; step three two days
after step two. Everything below happens on day 1.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import polars as pl

from tests.campaigns import START, World
from xmit_pipeline.delivery.deliver import NO_PARTS, boot_id
from xmit_pipeline.delivery.posting import ANSWERED
from xmit_pipeline.delivery.transport import Mailer
from xmit_pipeline.delivery.window import Envelope, render_windows
from xmit_pipeline.model.delays import DelayUnit
from xmit_pipeline.model.errors import Conflict
from xmit_pipeline.model.lifecycle import SuppressionReason, TriggerType
from xmit_pipeline.store import contact_changes, enrollments, sequences, steps, suppressions
from xmit_pipeline.store.claims import Claim, claim
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.frontier import plan
from xmit_pipeline.store.last_look import make_inflight
from xmit_pipeline.store.outbox import settle

DAY_1 = START + timedelta(days=1)
SOON = DAY_1 + timedelta(minutes=1)
STATES = ("due", "claimed", "inflight", "unknown", "waiting", "paused")
ADDRESS = "person0@example.net"

PERSON = """
SELECT enrollment.status, enrollment.exit_reason, enrollment.due_at,
    CASE WHEN enrollment.status IN ('active', 'paused') THEN step.name END AS step
FROM enrollment LEFT JOIN step ON step.id = enrollment.step_id
"""

SECOND_MESSAGE = """
SELECT message.state, message.reason FROM message JOIN step ON step.id = message.step_id WHERE step.name = 'two'
"""


@dataclass
class Cell:
    """The setting of one cell of the table; `state` and then `do` are what it is named for."""

    world: World
    sequence: UUID = field(init=False)
    step_ids: list[UUID] = field(init=False)
    contact: UUID = field(init=False)
    other_sender: UUID = field(init=False)
    taken: Claim | None = None
    envelopes: list[Envelope] = field(default_factory=list)
    refused: bool = False

    def __post_init__(self) -> None:
        world = self.world
        world.domain()
        self.other_sender = world.sender_of(world.domain("other.example"))
        [self.contact] = world.people(1)
        with world.store.transaction() as connection:
            self.sequence = sequences.create_sequence(
                connection, START, name="Course", trigger_type=TriggerType.MANUAL
            )
            self.step_ids = [
                steps.add_step(
                    connection, self.sequence, START, name=name, subject=name, body_html="<p>Hello</p>",
                    delay_amount=days, delay_unit=DelayUnit.DAYS,
                )
                for name, days in (("one", 0), ("two", 1), ("three", 2))
            ]  # fmt: skip
            sequences.activate(connection, self.sequence, START)
        world.enroll(self.sequence, [self.contact])
        world.tick(START)
        world.sandbox.mailbox.clear()

    # the states

    def bring_into(self, state: str) -> None:
        """Let the person's second message be in a state, or let them be due, or paused while due."""
        if state == "paused":
            self._change(lambda connection: sequences.pause(connection, self.sequence, DAY_1))
        if state in ("claimed", "inflight", "unknown", "waiting"):
            self._claim()
        if state in ("inflight", "unknown", "waiting"):
            self._look()
        if state == "unknown":
            self._post("unknown")
            self.world.sandbox.mailbox.clear()
        if state == "waiting":
            self._settle("released")

    def go_on(self, state: str) -> None:
        """What delivery does next: the tick under way ends, then another comes; who was paused is resumed before."""
        if state == "claimed":
            self._look()
        if state in ("claimed", "inflight"):
            self._post("accepted")
        [sequence] = self.world.rows("SELECT status FROM sequence")
        if state == "paused" and sequence["status"] == "paused":
            self._change(lambda connection: sequences.resume(connection, self.sequence, SOON))
        self.world.tick(SOON)

    def _claim(self) -> None:
        with self.world.store.transaction() as connection:
            self.taken = claim(
                connection,
                now=DAY_1,
                tick_id="under way",
                planned=plan(connection, DAY_1, 10),
                public_url="https://x.example",
                secret=self.world.settings.secret,
            )

    def _look(self) -> None:
        assert self.taken
        [window] = render_windows(self.taken, DAY_1)
        with self.world.store.transaction() as connection:
            look = make_inflight(
                connection,
                now=DAY_1,
                tick_id="under way",
                boot_id=boot_id(),
                unrendered=window.unrendered,
                alone=window.alone,
            )
        self.envelopes = window.envelopes(look.ready)

    def _post(self, outcome: str) -> None:
        """SendGrid gets the mail and takes it; `outcome` is what we learn of that."""
        mailer = Mailer(self.world.sendgrid, {"X-Sandbox-Now": DAY_1.isoformat()})
        for envelope in self.envelopes:
            assert mailer.post(envelope.body).status == 202
        self._settle(outcome)

    def _settle(self, outcome: str) -> None:
        rows = [
            {"request_id": each.request_id, "outcome": outcome, "posted_at": DAY_1} for each in self.envelopes
        ]
        nobody: dict[str, Any] = {"message_id": pl.String, "words": pl.String}
        with self.world.store.transaction() as connection:
            settle(
                connection,
                now=DAY_1,
                answered=pl.DataFrame(rows, schema=ANSWERED),
                rejected=pl.DataFrame(schema=nobody),
                divided=NO_PARTS,
            )

    # what may be done

    def do(self, action: str) -> None:
        """One action of a person or of the operator; `refused` where the contract has no such move."""
        try:
            self._change(getattr(self, f"_{action.replace(' ', '_')}"))
        except Conflict:
            self.refused = True

    def _change(self, verb: Any) -> None:
        with self.world.store.transaction() as connection:
            verb(connection)

    def _pause(self, connection: Connection) -> None:
        sequences.pause(connection, self.sequence, DAY_1)

    def _resume(self, connection: Connection) -> None:
        sequences.resume(connection, self.sequence, DAY_1)

    def _archive(self, connection: Connection) -> None:
        sequences.archive(connection, self.sequence, DAY_1)

    def _exit(self, connection: Connection) -> None:
        (enrollment,) = connection.execute("SELECT id FROM enrollment").fetchone() or (None,)
        assert enrollment
        enrollments.exit_one(connection, self.sequence, enrollment, DAY_1)

    def _suppress(self, connection: Connection) -> None:
        suppressions.suppress(connection, ADDRESS, SuppressionReason.MANUAL, DAY_1, source="test")

    def _delete_contact(self, connection: Connection) -> None:
        contact_changes.delete_contact(connection, self.contact, DAY_1)

    def _edit(self, connection: Connection) -> None:
        changes: steps.StepChanges = {"subject": "two, edited", "delay_amount": 9}
        steps.update_step(connection, self.sequence, self.step_ids[1], DAY_1, changes)

    def _delete_step(self, connection: Connection) -> None:
        steps.delete_step(connection, self.sequence, self.step_ids[1], DAY_1)

    def _reorder(self, connection: Connection) -> None:
        one, two, three = self.step_ids
        steps.reorder_steps(connection, self.sequence, [one, three, two], DAY_1)

    def _change_sender(self, connection: Connection) -> None:
        sequences.update_sequence(connection, self.sequence, DAY_1, {"sender_id": self.other_sender})

    # what is seen

    def person(self) -> str:
        """`active, two on day 1`, `active, two open`, `exited: manual`, `completed`."""
        [row] = self.world.rows(PERSON)
        if row["exit_reason"]:
            return f"{row['status']}: {row['exit_reason']}"
        if row["step"] is None:
            return row["status"]
        return f"{row['status']}, {row['step']} {_on_day(row['due_at'])}"

    def message(self) -> str:
        """The second step's message: `none`, `claimed`, `skipped: exited`."""
        rows = self.world.rows(SECOND_MESSAGE)
        assert len(rows) <= 1
        return ": ".join(filter(None, rows[0].values())) if rows else "none"

    def mailed(self) -> list[str]:
        """Subject and domain of all mail since the action, oldest first."""
        mails = self.world.sandbox.mailbox.page().mails
        return [f"{mail.subject} from {mail.sender.split('@')[1]}" for mail in reversed(mails)]


def _on_day(due_at: datetime | None) -> str:
    return "open" if due_at is None else f"on day {(due_at - START).days}"
