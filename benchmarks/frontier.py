"""The frontier over 1 M and 30 M enrollments, the schedule's look, and the claim of 10,000."""

from benchmarks.figures import report, timed
from benchmarks.worlds import NOW, add_people, add_sequences, empty_world
from xmit_pipeline.store.claims import claim
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.frontier import look, plan

ROUNDS = 3


def measure(contacts: int, one_in: int, label: str) -> None:
    """Three sequences over so many contacts: their frontier, and a claim."""
    with empty_world() as (store, _):
        with store.transaction() as connection:
            add_sequences(connection, 3)
            add_people(connection, contacts, one_in)
        store.close()
        frontier = min(_pick_seconds(store) for _ in range(ROUNDS))
        report(f"frontier, {label}, quotas applied", frontier, "s", limit=1.5, better="lower")
        claimed = min(_claim_seconds(store, number) for number in range(ROUNDS))
        report(f"claim 10,000, {label}", claimed, "s", limit=2.5, better="lower")


def measure_idle_look() -> None:
    """The schedule's look over 1 M completed enrollments."""
    with empty_world() as (store, _):
        with store.transaction() as connection:
            add_sequences(connection, 1)
            add_people(connection, 1_000_000, 1_000_000_007)
        store.close()
        seconds = min(_look_seconds(store) for _ in range(5))
        report("idle look, 1 M completed, file opened", seconds * 1000, "ms", limit=150, better="lower")


def measure_walled_look() -> None:
    """The same where 100,000 of 1 M are due, and wait for a domain that is paused."""
    with empty_world() as (store, _):
        with store.transaction() as connection:
            add_sequences(connection, 1)
            add_people(connection, 1_000_000, 10)
            connection.execute("UPDATE domain SET warmup_state = 'paused', warmup_state_before = 'inactive'")
            connection.execute("UPDATE step SET walled_at = $now", {"now": NOW})
        store.close()
        seconds = min(_look_seconds(store) for _ in range(5))
        report("look, 100,000 due behind a wall", seconds * 1000, "ms", limit=150, better="lower")


def _pick_seconds(store: EmbeddedStore) -> float:
    with store.snapshot() as connection:
        return timed(lambda: plan(connection, NOW, 10_000))[1]


def _claim_seconds(store: EmbeddedStore, number: int) -> float:
    with store.snapshot() as connection:
        planned = plan(connection, NOW, 10_000)
    store.close()

    def work() -> int:
        with store.transaction() as connection:
            taken = claim(
                connection,
                now=NOW,
                tick_id=f"t{number}",
                planned=planned,
                public_url="https://x.example",
                secret="s" * 32,
            )
        store.close()
        return taken.people.height

    count, seconds = timed(work)
    assert count == 10_000
    return seconds


def _look_seconds(store: EmbeddedStore) -> float:
    def work() -> None:
        with store.snapshot() as connection:
            assert look(connection, NOW) is None
        store.close()

    return timed(work)[1]


def run() -> None:
    """All figures of this module."""
    measure_idle_look()
    measure_walled_look()
    measure(333_334, 10, "1 M enrollments, 100,000 due")
    measure(10_000_000, 30, "30 M enrollments, 1 M due")
