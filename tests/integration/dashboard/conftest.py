"""Houses to visit: one for the session, emptied for each test."""

from collections.abc import Iterator

import pytest

from tests.integration.api.client import START
from tests.integration.dashboard.client import Browser, House, opened_house


@pytest.fixture(scope="session")
def lasting_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One site for the session: making its routes costs as much as a whole test."""
    with opened_house(tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest.fixture
def house(lasting_house: House) -> House:
    """A site whose store is empty."""
    with lasting_house.store.transaction() as connection:
        for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            if table != "xmit_migration":
                connection.execute(f"DELETE FROM {table}")  # noqa: S608  (our own tables)
    lasting_house.clock.moment = START
    return lasting_house


@pytest.fixture
def browser(house: House) -> Browser:
    """Somebody who is signed in with a key of full scope, named marketing."""
    return house.signed_in()
