"""What every test may use: isolated homes, stores and clocks, and hypothesis profiles."""

import os
import shutil
from collections.abc import Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import settings as hypothesis_settings

from tests.campaigns import World, opened_world
from xmit_pipeline.sandbox.server import RunningSandbox, running_sandbox
from xmit_pipeline.store.connection import EmbeddedStore

hypothesis_settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True, print_blob=True)
hypothesis_settings.register_profile("thorough", max_examples=1000, deadline=None, print_blob=True)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_configure() -> None:
    """Where files run side by side, a store's threads would only wait for one another: one each."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    connect = duckdb.connect

    @wraps(connect)
    def with_one_thread(*arguments: Any, **options: Any) -> duckdb.DuckDBPyConnection:
        connection = connect(*arguments, **options)
        connection.execute("SET GLOBAL threads = 1")
        return connection

    duckdb.connect = with_one_thread


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of its own for each test, and none of the machine's settings."""
    for name in (
        "SENDGRID_API_KEY",
        "SENDGRID_HOST",
        "XMIT_DATABASE",
        "XMIT_PUBLIC_URL",
        "XMIT_SECRET",
        "SENDGRID_WEBHOOK_PUBLIC_KEY",
        "XMIT_ALERT_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    monkeypatch.setenv("XMIT_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store, to be copied: laying one out takes longer than many a test."""
    path = tmp_path_factory.mktemp("laid_out") / "xmit.duckdb"
    opened = EmbeddedStore(path)
    with opened.snapshot():
        pass
    opened.close()
    return path


@pytest.fixture
def new_store(home: Path, laid_out: Path) -> Path:
    """The empty store of the test's home."""
    home.mkdir()
    return Path(shutil.copy(laid_out, home / laid_out.name))


@pytest.fixture
def store(new_store: Path) -> Iterator[EmbeddedStore]:
    """A new store that closes with the test."""
    opened = EmbeddedStore(new_store, patience_seconds=20)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[RunningSandbox]:
    """One sandbox for the session; tests take it emptied."""
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: RunningSandbox) -> RunningSandbox:
    """The sandbox, empty and without faults."""
    shared_sandbox.mailbox.clear()
    shared_sandbox.faults.order([])
    return shared_sandbox


@pytest.fixture
def world(new_store: Path, sandbox: RunningSandbox) -> Iterator[World]:
    """A new store and an empty sandbox, joined by the real SendGrid client."""
    with opened_world(new_store.parent, sandbox) as opened:
        yield opened
