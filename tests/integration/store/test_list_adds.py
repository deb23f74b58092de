"""Adding to a list that triggers a sequence costs each contact once, however many there are (PAINS C8)."""

from typing import Any, cast

import pytest

from tests.campaigns import START, World
from xmit_pipeline.store import lists
from xmit_pipeline.store.connection import Connection

CALL = 50


class CountingConnection:
    """The connection of a transaction, with the number of its statements."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.statements = 0

    def __getattr__(self, name: str) -> Any:
        self.statements += name in ("execute", "sql")
        return getattr(self._connection, name)


@pytest.mark.parametrize("sequences", [1, 3])
def test_adds_cost_each_contact_once(world: World, sequences: int) -> None:
    """PAINS C8: the same statements for every call, a row a contact and sequence, nothing queued again."""
    world.domain()
    with world.store.transaction() as connection:
        list_id = lists.create_list(connection, "News", START)
    for number in range(sequences):
        world.sequence(name=f"s{number}", list_id=list_id)
    people = world.people(CALL * 4)
    costs: list[int] = []
    for begin in (0, CALL, CALL * 2, CALL * 3):
        with world.store.transaction() as connection:
            counting = CountingConnection(connection)
            given: list[Any] = [*people[begin : begin + CALL], *people[:begin]]
            added, result = lists.add_contacts(cast(Connection, counting), list_id, given, START)
            costs.append(counting.statements)
        assert (added, result.enrolled) == (CALL, CALL * sequences)

    assert len(set(costs)) == 1
    told = world.rows("""
        SELECT (SELECT count(*) FROM list_member) AS members, (SELECT count(*) FROM list_ledger) AS pairs,
            (SELECT count(*) FROM enrollment) AS enrolled, (SELECT count(*) FROM message) AS mails
    """)
    assert told == [
        {"members": len(people), "pairs": len(people), "enrolled": len(people) * sequences, "mails": 0}
    ]
