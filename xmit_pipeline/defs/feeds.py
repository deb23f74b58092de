"""The resource through which other teams' pipelines feed lists (SPEC 2, Triggers); none of our own assets.

It can be used from any Dagster project that has xmit installed and can reach the store's folder.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import dagster as dg
import polars as pl
from pydantic import Field

from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.model.errors import BadInput, ConfigurationFault
from xmit_pipeline.model.settings import Settings, read_settings
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.list_feeds import Folded, feed_list


class ArrowStream(Protocol):
    """A table that hands itself over: polars, pandas, pyarrow and DuckDB relations do."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


class ListFeed(dg.ConfigurableResource):
    """Feeds lists of xmit: who is new on one is enrolled in its active sequences by the next tick, once ever.

    `rows` is a frame, anything else with an Arrow C stream, or the path of a CSV or Parquet file. A column holds
    addresses (`email`); `firstName`, `lastName`, `timezone` and `status` are known by name; every other column, and
    each field of a column `metadata` of structures or JSON objects, can be used in Liquid.
    """

    home: str = Field(
        default="", description="XMIT_HOME of the store to feed; blank: as the environment says."
    )

    def replace_list(self, name: str, rows: ArrowStream | Path | str) -> Folded:
        """Let the list hold exactly these people; it is made where there is none. Answers the counts.

        Who is missing leaves the list, their enrollments go on. BadInput where there is no column of addresses.
        """
        return self._feed(name, rows, whole=True)

    def add_to_list(self, name: str, rows: ArrowStream | Path | str) -> Folded:
        """Put these people on the list; who is on it stays. Answers the counts."""
        return self._feed(name, rows, whole=False)

    def _feed(self, name: str, rows: ArrowStream | Path | str, *, whole: bool) -> Folded:
        settings = self._settings()
        store = EmbeddedStore(settings.database)
        try:
            with TemporaryDirectory(prefix="xmit-feed-") as folder:
                path = _as_file(rows, Path(folder))
                return feed_list(store, settings.home, name, path, WallClock().now(), whole=whole)
        finally:
            store.close()

    def _settings(self) -> Settings:
        home = {"XMIT_HOME": self.home} if self.home else {}
        # with a secret given, none is made in a folder that may be the wrong one
        settings = read_settings({**os.environ, **home, "XMIT_SECRET": "a feed signs nothing"})
        if not settings.database.exists():
            raise ConfigurationFault(
                f"There is no xmit store at {settings.database}. Set XMIT_HOME, or the resource's `home`, to the "
                "folder that `xmit up` runs with."
            )
        return settings


def _as_file(rows: ArrowStream | Path | str, folder: Path) -> Path:
    if isinstance(rows, str | Path):
        return Path(rows)
    if not hasattr(rows, "__arrow_c_stream__"):
        raise BadInput(
            f"A list is fed with a frame, an Arrow stream or a path; it got {type(rows).__name__}. "
            "A lazy frame is collected first."
        )
    path = folder / "people.parquet"
    pl.DataFrame(rows).write_parquet(path)
    return path
