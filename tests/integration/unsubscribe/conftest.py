"""People who were mailed, the links in their mail, and the API that takes them."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.campaigns import START, World
from xmit_pipeline.api.app import create_app
from xmit_pipeline.model.clock import FixedClock
from xmit_pipeline.store.wish_files import FOLDER

with warnings.catch_warnings():
    # Starlette asks for a successor of httpx that is not in the lock
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
LATER = START + timedelta(hours=1)


@dataclass
class Mailbox:
    """A world in which mail has gone out, and a browser or mail program that opens its links."""

    world: World
    client: TestClient

    def token(self, email: str) -> str:
        """The token in the newest mail to this address."""
        return self.header(email).strip("<>").rpartition("/u/")[2]

    def header(self, email: str) -> str:
        return self.world.sandbox.mailbox.page(to=email).mails[0].headers["List-Unsubscribe"]

    def press(self, token: str) -> httpx.Response:
        return self.client.post(f"/u/{token}", data=ONE_CLICK)

    def standing(self, email: str) -> tuple[str, list[str], list[str]]:
        """A contact's status, the states of their enrollments, and why their address is suppressed."""
        enrollments = self.world.rows(
            "SELECT coalesce(exit_reason, enrollment.status) AS state FROM enrollment "
            "JOIN contact ON contact.id = contact_id WHERE email = $email ORDER BY enrollment.id",
            email=email,
        )
        suppressions = self.world.rows(
            "SELECT reason FROM suppression WHERE email = $email AND lifted_at IS NULL", email=email
        )
        (contact,) = self.world.rows("SELECT status FROM contact WHERE email = $email", email=email)
        return (
            contact["status"],
            [row["state"] for row in enrollments],
            [row["reason"] for row in suppressions],
        )

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """Every row of every table, and the files of wishes."""
        tables = [row["table_name"] for row in self.world.rows("SELECT table_name FROM duckdb_tables()")]
        rows = {table: self.world.rows(f"FROM {table} ORDER BY ALL") for table in tables}
        files = sorted((self.world.settings.home / FOLDER).rglob("*"))
        return {**rows, "files": [{"path": str(path)} for path in files]}


def client_of(world: World, now: datetime = LATER, **changes: Any) -> TestClient:
    """The API over this world's store, at this moment; `changes` to its settings."""
    settings = replace(world.settings, **changes)
    return TestClient(create_app(world.store, settings, clock=FixedClock(now)))


@pytest.fixture
def mailbox(world: World) -> Iterator[Mailbox]:
    """Three people in two sequences of three steps each, a day apart; the first steps are sent."""
    start_mailing(world)
    world.tick(START)
    with client_of(world) as client:
        yield Mailbox(world, client)


def start_mailing(world: World) -> list[UUID]:
    """Three people, enrolled in two sequences whose first steps are due."""
    world.domain()
    people = world.people(3)
    for name in ("Welcome", "Tips"):
        world.enroll(world.sequence((0, 1, 1), name=name), people)
    return people
