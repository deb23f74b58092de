"""Contacts put on a list that triggers a sequence, a thousand a call: four times as many cost four times as much."""

from benchmarks.figures import report, timed
from benchmarks.worlds import NOW, PLAIN_BODY, empty_world
from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.store import lists, senders, sequences, steps

CALL = 1000
FEW, MANY = 25_000, 100_000
LINEAR_WITH_NOISE = 1.5 * MANY / FEW

PEOPLE = """
INSERT INTO contact (id, email, metadata, status, created_at, updated_at)
SELECT uuidv7(), 'person' || i || '@example.com', '{}', 'active', $now, $now FROM range($count) AS series(i)
"""


def add_all(count: int) -> float:
    """Seconds to put so many on a new list of a new store, each call a transaction of its own."""
    with empty_world() as (store, _):
        with store.transaction() as connection:
            domain = senders.add_domain(connection, "bench.example", NOW, verified=True)
            senders.add_sender(connection, domain, "hello@bench.example", NOW)
            list_id = lists.create_list(connection, "News", NOW)
            sequence = sequences.create_sequence(
                connection, NOW, name="s", trigger_type=TriggerType.LIST_ADD, trigger_list_id=list_id
            )
            steps.add_step(connection, sequence, NOW, name="one", subject="Hi", body_html=PLAIN_BODY)
            sequences.activate(connection, sequence, NOW)
            connection.execute(PEOPLE, {"count": count, "now": NOW})
            people = [row[0] for row in connection.execute("SELECT id FROM contact").fetchall()]

        def add() -> int:
            enrolled = 0
            for begin in range(0, count, CALL):
                with store.transaction() as connection:
                    _, result = lists.add_contacts(connection, list_id, people[begin : begin + CALL], NOW)
                    enrolled += result.enrolled
            return enrolled

        enrolled, seconds = timed(add)
        assert enrolled == count
        return seconds


def run() -> None:
    """All figures of this module."""
    add_all(CALL)
    few, many = add_all(FEW), add_all(MANY)
    report(
        "100,000 list adds that enroll, 1,000 a call", MANY / many, "contacts/s", limit=2000, better="higher"
    )
    report("100,000 list adds against 25,000", many / few, "x", limit=LINEAR_WITH_NOISE, better="lower")
    assert many / few <= LINEAR_WITH_NOISE, (few, many)
