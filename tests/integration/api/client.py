"""The real app over a store of its own, a key for it, and the calls that most tests begin with."""

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from xmit_pipeline.api.app import create_app
from xmit_pipeline.model.settings import read_settings
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.keys import create_key

with warnings.catch_warnings():
    # Starlette 1.10 asks for a successor of httpx that is not in the lock
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

START = datetime(2026, 3, 2, 9, 30, 20, tzinfo=UTC)
BODY = "<p>Hello {{firstName}}</p>"


@dataclass
class MovableClock:
    """The test's time."""

    moment: datetime = START
    simulated: bool = True

    def now(self) -> datetime:
        return self.moment


@dataclass
class Api:
    """A client with a live key. `made` insists that a call succeeds; the other verbs make one thing each."""

    client: TestClient
    store: EmbeddedStore
    clock: MovableClock

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path)

    def post(self, path: str, body: object = None) -> httpx.Response:
        return self.client.post(path, json=body) if body is not None else self.client.post(path)

    def put(self, path: str, body: object = None) -> httpx.Response:
        return self.client.put(path, json=body) if body is not None else self.client.put(path)

    def delete(self, path: str, body: object = None) -> httpx.Response:
        return self.client.request("DELETE", path, json=body)

    def made(self, path: str, body: object = None) -> dict[str, Any]:
        answer = self.post(path, body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def found(self, path: str) -> dict[str, Any]:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def new_contact(self, email: str = "ada@example.org", **fields: object) -> str:
        return self.made("/api/contacts", {"email": email, **fields})["id"]

    def new_list(self, name: str = "Newsletter") -> str:
        return self.made("/api/lists", {"name": name})["id"]

    def new_domain(self, name: str = "example.com") -> str:
        return self.made("/api/domains", {"name": name, "verified": True})["id"]

    def new_sender(self, domain_id: str, email: str = "hello@example.com") -> str:
        return self.made("/api/senders", {"domainId": domain_id, "email": email})["id"]

    def new_draft(self, **fields: object) -> str:
        return self.made("/api/sequences", {"name": "Welcome", "triggerType": "manual", **fields})["id"]

    def new_step(self, sequence_id: str, **fields: object) -> str:
        step = {"name": "Hello", "subject": "Hello {{firstName}}", "bodyHtml": BODY, **fields}
        return self.made(f"/api/sequences/{sequence_id}/steps", step)["id"]

    def new_active(self, **fields: object) -> str:
        """An active sequence of one step, due at once; makes a default sender where there is none."""
        if not self.found("/api/senders")["senders"]:
            self.new_sender(self.new_domain())
        sequence_id = self.new_draft(**fields)
        self.new_step(sequence_id)
        self.made(f"/api/sequences/{sequence_id}/activate")
        return sequence_id


@contextmanager
def opened_api(folder: Path, **environment: str) -> Generator[Api]:
    """The app over a new store in this folder, with a key made for it."""
    settings, clock = read_settings({"XMIT_HOME": str(folder), **environment}), MovableClock()
    store = EmbeddedStore(settings.database, patience_seconds=20)
    with store.transaction() as connection:
        key = create_key(connection, "tests", clock.now())
    headers = {"Authorization": f"Bearer {key}"}
    with TestClient(create_app(store, settings, clock=clock), headers=headers) as client:
        yield Api(client, store, clock)
    store.close()
