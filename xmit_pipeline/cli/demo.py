"""`xmit demo`: the bundled welcome series in simulated time that ends at the present minute.

The same Dagster job, store and SendGrid client as in production; the sandbox stands for SendGrid and for the readers.
"""

import os
import shutil
from datetime import datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from xmit_pipeline.cli.console import err, out, progress_bar, table_of
from xmit_pipeline.cli.demo_readers import Readers
from xmit_pipeline.cli.home_lock import LOCK, home_in_use
from xmit_pipeline.cli.imports import refusals
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.cli.tick import dagster_instance, tick_through_dagster
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.model.delays import DelayUnit, whole_minute
from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.model.settings import read_settings
from xmit_pipeline.model.warmup import next_midnight
from xmit_pipeline.sandbox.server import running_sandbox
from xmit_pipeline.store import enrollments, sequences, warmup
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.frontier import next_due
from xmit_pipeline.store.imports import ImportResult, import_file
from xmit_pipeline.store.lists import create_list
from xmit_pipeline.store.metrics import step_days, step_stats
from xmit_pipeline.store.senders import add_domain, add_sender
from xmit_pipeline.store.steps import add_step

if TYPE_CHECKING:
    import dagster as dg

DAYS_BACK = 17
"""The audience and the warmup curve decide how long the series takes: it is over within two weeks, and everybody
has read what they will within two more days, whatever the time of day."""
BUNDLED = files("xmit_pipeline.demo")
STEPS = (
    ("Welcome", "Welcome to Rotafern{% if firstName %}, {{ firstName }}{% endif %}", "welcome-1.html", 0),
    ("Getting started", "Three things to try first", "welcome-2.html", 2),
    (
        "One more thing",
        "{{ firstName | default: 'Hello' }}, shall we set it up together?",
        "welcome-3.html",
        3,
    ),
)
SHOWN = {
    "sent": "sent",
    "delivered": "delivered",
    "opened": "unique_opens",
    "by people": "human_opens",
    "clicked": "unique_clicks",
    "bounced": "bounces",
    "blocked": "blocked",
    "complained": "complaints",
    "unsubscribed": "unsubscribes",
    "skipped": "skipped",
}
"""The columns of the table by step, and the figure of SPEC 7 that each shows."""


def run_demo() -> None:
    """Rebuild `XMIT_HOME/demo`, run the campaign through it, and say what to open."""
    home = read_settings().home / "demo"
    with home_in_use(home):
        _empty(home)
        with running_sandbox(folder=home / "sandbox") as sandbox:
            os.environ.update(
                XMIT_HOME=str(home), SENDGRID_HOST=sandbox.url,
                SENDGRID_API_KEY="", XMIT_DATABASE="", XMIT_PUBLIC_URL="",
            )  # fmt: skip
            with opened_store() as (store, settings), dagster_instance(settings) as instance:
                _run_campaign(store, instance, Readers(sandbox, settings))
    _say_next()


def _empty(home: Path) -> None:
    for entry in home.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != LOCK:
            entry.unlink()


def _run_campaign(store: EmbeddedStore, instance: "dg.DagsterInstance", readers: Readers) -> None:
    readers.move_in()
    present = whole_minute(WallClock().now())
    start = present - timedelta(days=DAYS_BACK)
    sequence_id, imported = _set_up(store, start)
    _say_imported(imported)
    deferred = _play(store, instance, readers, sequence_id, start, present)
    _say_steps(store, sequence_id, present)
    _say_days(store, sequence_id, deferred)


def _set_up(store: EmbeddedStore, start: datetime) -> tuple[UUID, ImportResult]:
    with store.transaction() as connection:
        domain_id = add_domain(connection, "mail.rotafern.example", start, verified=True)
        warmup.configure(connection, domain_id, start, enabled=True, pacing=False)
        add_sender(connection, domain_id, "hello@mail.rotafern.example", start, name="Rotafern")
        list_id = create_list(connection, "Newsletter", start, "People who signed up")
        sequence_id = sequences.create_sequence(
            connection,
            start,
            name="Welcome series",
            trigger_type=TriggerType.LIST_ADD,
            trigger_list_id=list_id,
        )
        for name, subject, body, days in STEPS:
            add_step(
                connection, sequence_id, start,
                name=name, subject=subject, body_html=(BUNDLED / body).read_text(),
                delay_amount=days, delay_unit=DelayUnit.DAYS,
            )  # fmt: skip
        sequences.activate(connection, sequence_id, start)
    with as_file(BUNDLED / "audience.csv") as path:
        return sequence_id, import_file(store, path, overrides={}, list_id=list_id, now=start)


def _play(
    store: EmbeddedStore,
    instance: "dg.DagsterInstance",
    readers: Readers,
    sequence_id: UUID,
    start: datetime,
    present: datetime,
) -> dict[datetime, int]:
    """Tick at each moment that matters, and let readers act in between.

    Answers how many were deferred at the end of each simulated day.
    """
    deferred: dict[datetime, int] = {}
    with progress_bar() as bar:
        task = bar.add_task("simulating", total=_enrolled(store, sequence_id) * len(STEPS))
        moment = start
        while True:
            record = tick_through_dagster(instance, store, moment)
            deferred[moment] = record["deferred"]
            bar.update(
                task, advance=record["sent"] + record["skipped"], description=f"{moment:%a %d %b %H:%M}"
            )
            if moment == present:
                return deferred
            moment = _next_moment(store, moment, present, deferred=record["deferred"] > 0)
            readers.act(moment)


def _next_moment(store: EmbeddedStore, moment: datetime, present: datetime, *, deferred: bool) -> datetime:
    with store.snapshot() as connection:
        due = next_due(connection, moment)
    candidates = [present, *([due] if due else []), *([next_midnight(moment)] if deferred else [])]
    return min(candidates)


def _enrolled(store: EmbeddedStore, sequence_id: UUID) -> int:
    with store.snapshot() as connection:
        return sum(enrollments.counts(connection, sequence_id).values())


def _say_imported(result: ImportResult) -> None:
    err.print(
        f"Imported {result.created:,} people from a Mailchimp export: {result.staged.repeated:,} repeated rows merged, "
        f"{result.refused.height:,} refused, {result.enrolled:,} enrolled."
    )
    for sentence in refusals(result, result.refused.height):
        err.print(f"  {sentence}")


def _say_steps(store: EmbeddedStore, sequence_id: UUID, present: datetime) -> None:
    with store.transaction() as connection:
        stats = step_stats(connection, sequence_id, present)
        counts = enrollments.counts(connection, sequence_id)
    table = table_of(["step"], figures=list(SHOWN), title="Welcome series, by step")
    for step in stats:
        table.add_row(step["name"], *(f"{step[figure]:,}" for figure in SHOWN.values()))
    out.print(table)
    out.print(", ".join(f"{count:,} {status}" for status, count in counts.items()))


def _say_days(store: EmbeddedStore, sequence_id: UUID, deferred: dict[datetime, int]) -> None:
    with store.snapshot() as connection:
        rows = step_days(connection, sequence_id)
    waiting = {moment.date(): count for moment, count in deferred.items()}
    shown = [*(name for name, *_ in STEPS), "all", "skipped", "deferred"]
    table = table_of(["day"], figures=shown, title="Sent, by UTC day")
    for day in dict.fromkeys(row["day"] for row in rows):
        of_day = {row["name"]: row for row in rows if row["day"] == day}
        sent = [of_day[name]["sent"] if name in of_day else 0 for name, *_ in STEPS]
        skipped = sum(row["skipped"] for row in of_day.values())
        figures = [*sent, sum(sent), skipped, waiting.get(day, 0)]
        table.add_row(f"{day:%d %b}", *(f"{figure:,}" for figure in figures))
    out.print(table)


def _say_next() -> None:
    out.print("Next: `.venv/bin/xmit up --demo`, then open")
    out.print("  http://127.0.0.1:8025  the mail, as each person got it")
    out.print("  http://127.0.0.1:3000  the Dagster runs, with figures per step")
    out.print("  http://127.0.0.1:8000  the dashboard and the REST API")
