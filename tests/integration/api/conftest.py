"""Apps to call: one for the session, emptied for each test, and one for each module."""

from collections.abc import Iterator

import pytest

from tests.integration.api.client import START, Api, opened_api


@pytest.fixture(scope="session")
def lasting_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One app for the session: making its routes costs as much as a whole test."""
    with opened_api(tmp_path_factory.mktemp("lasting-api")) as opened:
        yield opened


@pytest.fixture
def api(lasting_api: Api) -> Api:
    """An API whose store holds nothing but the key."""
    with lasting_api.store.transaction() as connection:
        for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            if table not in ("xmit_migration", "api_key"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608  (our own tables)
    lasting_api.clock.moment = START
    return lasting_api


@pytest.fixture(scope="module")
def shared_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One API for a module whose tests don't mind each other."""
    with opened_api(tmp_path_factory.mktemp("shared-api")) as opened:
        yield opened
