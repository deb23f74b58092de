"""What Dagster's own history weighs: real runs of the tick, days that pass, and the nightly job that deletes."""

import os
import sqlite3
import statistics
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import report
from xmit_pipeline.cli.tick import dagster_instance, tick_through_dagster
from xmit_pipeline.defs.retention import prune_history
from xmit_pipeline.model.settings import read_settings
from xmit_pipeline.store.connection import EmbeddedStore

DAYS = 20
RUNS_A_DAY = 10
FULL_AFTER = 5
"""Days until as much is deleted as is added: three are kept, and the pages of the first go round."""
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
ADD_A_DAY = "UPDATE runs SET create_timestamp = datetime(create_timestamp, '-1 day')"


def history_after_each_day(home: Path, days: int, runs_a_day: int) -> list[int]:
    """Bytes under `$XMIT_HOME/dagster` after each day's runs and the night's deletion; XMIT_HOME is `home`.

    A day passes by making every run's record a day older.
    """
    settings = read_settings({"XMIT_HOME": str(home), "SENDGRID_HOST": "http://127.0.0.1:9"})
    store, sizes = EmbeddedStore(settings.database), list[int]()
    with dagster_instance(settings) as instance, closing(store):
        for _ in range(days):
            for _ in range(runs_a_day):
                tick_through_dagster(instance, store, None)
            assert prune_history.execute_in_process(run_config=QUIET, instance=instance).success
            with closing(sqlite3.connect(settings.dagster_home / "history" / "runs.db")) as runs:
                runs.execute(ADD_A_DAY)
                runs.commit()
            sizes.append(weight(settings.dagster_home))
    return sizes


def weight(folder: Path) -> int:
    """Bytes of everything in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def growth(sizes: list[int], runs_a_day: int) -> float:
    """Bytes a run, by a line fitted through the days' sizes."""
    return statistics.linear_regression(range(len(sizes)), sizes).slope / runs_a_day


@contextmanager
def fresh_home() -> Generator[Path]:
    """The environment's XMIT_HOME for as long as it is used."""
    before = dict(os.environ)
    with TemporaryDirectory(prefix="xmit-bench-") as folder:
        os.environ |= {"XMIT_HOME": folder, "SENDGRID_HOST": "http://127.0.0.1:9"}
        try:
            yield Path(folder)
        finally:
            os.environ.clear()
            os.environ |= before


def run() -> None:
    """All figures of this module."""
    with fresh_home() as home:
        sizes = history_after_each_day(home, DAYS, RUNS_A_DAY)
    report(
        "history a run adds before the first deletion",
        growth(sizes[:3], RUNS_A_DAY) / 1024,
        "KB",
        limit=150,
        better="lower",
    )
    report(
        "history a run adds from then on",
        growth(sizes[FULL_AFTER:], RUNS_A_DAY) / 1024,
        "KB",
        limit=1,
        better="lower",
    )
    print({"runs": DAYS * RUNS_A_DAY, "megabytes": [round(size / 2**20, 2) for size in sizes]})
