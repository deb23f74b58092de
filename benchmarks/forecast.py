"""A forecast of 100,000 contacts through 5 steps over 60 days, under a warmup that defers most of them for weeks."""

from uuid import UUID

from benchmarks.figures import report, timed
from benchmarks.worlds import CONTACTS, NOW, PLAIN_BODY, empty_world
from xmit_pipeline.delivery.forecast import Plan, forecast
from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.store import lists, senders, sequences, steps, warmup
from xmit_pipeline.store.connection import Connection

PEOPLE = 100_000
STEPS = 5
DAYS = 60


def draft_over_list(connection: Connection, target: int) -> UUID:
    """A draft of five steps, three days apart, over a list, on a domain that warms up to a target and stays there."""
    domain = senders.add_domain(connection, "bench.example", NOW, verified=True)
    senders.add_sender(connection, domain, "hello@bench.example", NOW)
    warmup.configure(connection, domain, NOW, enabled=True, target=target, hold_target=True)
    connection.execute(CONTACTS, {"count": PEOPLE, "now": NOW})
    list_id = lists.create_list(connection, "News", NOW)
    connection.execute(
        "INSERT INTO list_member SELECT $id, id, $now FROM contact", {"id": list_id, "now": NOW}
    )
    draft = sequences.create_sequence(
        connection, NOW, name="s", trigger_type=TriggerType.LIST_ADD, trigger_list_id=list_id
    )
    for number in range(STEPS):
        steps.add_step(
            connection, draft, NOW, name=f"step {number}", subject="Hi", body_html=PLAIN_BODY,
            delay_amount=3 if number else 0,
        )  # fmt: skip
    return draft


def measure(label: str, target: int, rate: int | None) -> None:
    """One forecast; with a rate, so many more a day, each in a minute of their own."""
    with empty_world() as (store, _):
        with store.transaction() as connection:
            draft = draft_over_list(connection, target)
        plan = Plan(start=NOW, days=DAYS, rate=rate)
        result, seconds = timed(lambda: forecast(store, draft, plan))
        sent = sum(row.sent for row in result.rows)
        report(f"forecast, {label}, {sent:,} sent", seconds, "s", limit=60, better="lower")


def run() -> None:
    """All figures of this module."""
    measure("100,000 x 5 steps x 60 days, target 20,000 a day", 20_000, None)
    measure("100,000 x 5 steps x 60 days, target 2,000 a day", 2_000, None)
    measure("the same with 1,500 newcomers a day", 20_000, 1_500)
