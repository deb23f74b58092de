"""The campaign that every seed plays: two domains, ten sequences, people who join minutes apart. Made once, copied."""

import shutil
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from tests.campaigns import START, World, enroll_into, opened_world
from xmit_pipeline.model.delays import DelayUnit
from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.sandbox.server import RunningSandbox
from xmit_pipeline.store import sequences, steps

SEQUENCES = 10
PEOPLE_AT_ONCE = 2
GROUPS = 14
"""Groups of people join minutes apart, so that every tick has something to send."""
GROUP_EVERY = timedelta(minutes=12)
ENROLLED = SEQUENCES * PEOPLE_AT_ONCE * GROUPS
STEPS_MINUTES = (0, 25)
DAY_TABLE = [60, 90, 2000]
POISON = "someone1-0@example.net"


def build_template(home: Path, sandbox: RunningSandbox) -> None:
    """The campaign as it stands before the first tick; copied for each seed."""
    with opened_world(home, sandbox) as world:
        world.domain("warm.example", warmup_on=True, pacing=False, table=DAY_TABLE)
        free = world.domain("free.example")
        ids = [
            _sequence(world, number, world.sender_of(free) if number % 2 else None)
            for number in range(SEQUENCES)
        ]
        for group in range(GROUPS):
            people = world.people(PEOPLE_AT_ONCE, prefix=f"someone{group}-")
            with world.store.transaction() as connection:
                for sequence_id in ids:
                    at = START + group * GROUP_EVERY
                    enroll_into(connection, sequence_id, people, at)


def _sequence(world: World, number: int, sender_id: UUID | None) -> UUID:
    with world.store.transaction() as connection:
        sequence_id = sequences.create_sequence(
            connection, START, name=f"s{number}", trigger_type=TriggerType.MANUAL, sender_id=sender_id
        )
        for place, delay in enumerate(STEPS_MINUTES):
            steps.add_step(
                connection, sequence_id, START, name=f"s{number} step {place}", subject="Hi {{ firstName }}",
                body_html="<p>Hello</p>", delay_amount=delay, delay_unit=DelayUnit.MINUTES,
            )  # fmt: skip
        sequences.activate(connection, sequence_id, START)
    return sequence_id


def copied(template: Path, home: Path) -> Path:
    """A fresh home for one seed."""
    shutil.copytree(template, home)
    return home
