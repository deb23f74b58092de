"""Claimed to recorded against a sink that only counts, batched and one recipient a request; memory of a tick."""

from benchmarks.figures import peak_megabytes, report, timed
from benchmarks.sink import running_sink
from benchmarks.worlds import NOW, PLAIN_BODY, add_people, add_sequences, empty_world
from xmit_pipeline.delivery.tick import run_tick
from xmit_pipeline.delivery.transport import Mailer, SendGrid
from xmit_pipeline.model.clock import FixedClock

WHOLE_BODY = "{% assign greeting = 'Hello' %}<p>{{ greeting }} {{ firstName }}, welcome {{ companyName }}</p>"
LINE = "Plain words, one after the other, as a newsletter has them."
LARGE_BODY = f"{WHOLE_BODY}{f'<p>{LINE}</p>' * 900}"
"""59 KB, and about as much again as text."""


def measure(count: int, label: str, limit: float, body: str) -> None:
    """One tick over so many due people, one sequence."""
    with running_sink() as host, empty_world(host) as (store, settings):
        with store.transaction() as connection:
            add_sequences(connection, 1, body)
            add_people(connection, count, 1)
            # as after a tick a minute ago: what came due meanwhile is no downtime's backlog, to be spread
            connection.execute("UPDATE step SET open_at = $now", {"now": NOW})
        mailer = Mailer(SendGrid(key="SG.bench", host=host, connections=8))
        result, seconds = timed(lambda: run_tick(store, settings, FixedClock(NOW), mailer, "bench"))
        assert result.report.sent == count, result
        report(f"delivery, {label}", count / seconds, "messages/s", limit=limit, better="higher")
        print({phase: round(spent, 2) for phase, spent in result.report.seconds.items()}, flush=True)


def run() -> None:
    """All figures of this module."""
    measure(200_000, "1,000 a request", 20_000, PLAIN_BODY)
    measure(10_000, "one recipient a request", 1_000, WHOLE_BODY)
    measure(20_000, "one recipient a request, 59 KB each", 200, LARGE_BODY)
    report(
        "peak memory of a tick over 20,000 whole mails", peak_megabytes(), "MB", limit=2000, better="lower"
    )
    measure(1_000_000, "1,000 a request, 1 M due", 20_000, PLAIN_BODY)
    report("peak memory of a tick over 1 M due", peak_megabytes(), "MB", limit=2000, better="lower")
