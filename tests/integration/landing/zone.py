"""A landing zone to drop files into, and what the store says about it afterwards."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl

from tests.campaigns import START, World
from xmit_pipeline.store.enrollments import EnrollResult
from xmit_pipeline.store.landing import LandingReport, fold_landing
from xmit_pipeline.store.landing_files import Folder
from xmit_pipeline.store.ledger import fire_all
from xmit_pipeline.store.lists import add_contacts, create_list, remove_contacts


def people(numbers: Iterable[int]) -> list[str]:
    return [f"person{number}@example.net" for number in numbers]


@dataclass
class Zone:
    """Verbs of a test: files dropped, folds, and who is where."""

    world: World

    @property
    def home(self) -> Path:
        return self.world.settings.home

    def drop(self, name: str, emails: Sequence[str], folder: Folder = Folder.LISTS, **columns: Any) -> Path:
        """A Parquet file of addresses, with further columns of one value each."""
        path = self.path(name, folder)
        rows = pl.DataFrame({"email": emails}, schema={"email": pl.String})
        rows.with_columns(**{key: pl.lit(value) for key, value in columns.items()}).write_parquet(path)
        return path

    def write(self, name: str, text: str, folder: Folder = Folder.CONTACTS) -> Path:
        path = self.path(name, folder)
        path.write_text(text)
        return path

    def path(self, name: str, folder: Folder) -> Path:
        parent = self.home / "landing" / folder
        parent.mkdir(parents=True, exist_ok=True)
        return parent / name

    def fold(self, now: datetime = START) -> LandingReport:
        return fold_landing(self.world.store, self.home, now)

    def fire(self, now: datetime = START) -> EnrollResult:
        return fire_all(self.world.store, now)

    def night(self, emails: Sequence[str], now: datetime = START, name: str = "News") -> EnrollResult:
        """A full rewrite of a list, and the tick after it."""
        self.drop(f"{name}.parquet", emails)
        self.fold(now)
        return self.fire(now)

    def trigger_list(self, name: str = "News") -> UUID:
        with self.world.store.transaction() as connection:
            return create_list(connection, name, START)

    def trigger(self, name: str = "News") -> tuple[UUID, UUID]:
        """A list, and an active sequence that it starts."""
        self.world.domain()
        list_id = self.trigger_list(name)
        return list_id, self.world.sequence(list_id=list_id)

    def join(self, list_id: UUID, emails: Sequence[str], now: datetime = START) -> EnrollResult:
        """Members by the API's own function."""
        with self.world.store.transaction() as connection:
            return add_contacts(connection, list_id, self.ids(emails), now)[1]

    def leave(self, list_id: UUID, emails: Sequence[str], now: datetime = START) -> int:
        ids = self.ids(emails)
        with self.world.store.transaction() as connection:
            return remove_contacts(connection, list_id, ids, now)

    def ids(self, emails: Sequence[str]) -> list[UUID | None]:
        known = {row["email"]: row["id"] for row in self.world.rows("SELECT id, email FROM contact")}
        return [known[email] for email in emails]

    def members(self, name: str = "News") -> set[str]:
        rows = self.world.rows(
            """
            SELECT contact.email FROM list_member
            JOIN list ON list.id = list_member.list_id AND list.name = $name
            JOIN contact ON contact.id = list_member.contact_id
            """,
            name=name,
        )
        return {row["email"] for row in rows}

    def enrolled(self) -> set[str]:
        rows = self.world.rows(
            "SELECT email FROM enrollment JOIN contact ON contact.id = enrollment.contact_id"
        )
        assert len(rows) == len({row["email"] for row in rows})
        return {row["email"] for row in rows}

    def left_behind(self, *folders: str) -> list[str]:
        """Names of the files in these folders of the zone."""
        found = [self.home / "landing" / folder for folder in folders]
        return sorted(
            path.name for folder in found if folder.exists() for path in folder.iterdir() if path.is_file()
        )
