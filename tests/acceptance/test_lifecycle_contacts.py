"""Contacts change, are forgotten, and come back (SPEC 3, 9)."""

from uuid import UUID

import pytest

from tests.acceptance.lifecycle_cells import ADDRESS, DAY_1, Cell
from tests.acceptance.lifecycle_people import DAY, MINUTE, bring_in, contact_status, join, outcome, suppress
from tests.campaigns import START, World
from xmit_pipeline.model.errors import BadInput, Conflict, NotFound
from xmit_pipeline.model.lifecycle import SuppressionReason
from xmit_pipeline.store import contact_changes, contact_rows, contacts, lists, suppressions


@pytest.fixture
def news(world: World) -> UUID:
    """A list; a domain is there too."""
    world.domain()
    with world.store.transaction() as connection:
        return lists.create_list(connection, "News", START)


@pytest.fixture
def person(world: World) -> UUID:
    return world.people(1)[0]


def test_an_address_of_another_contact_is_a_conflict(world: World):
    first, _ = world.people(2)
    with world.store.transaction() as connection:
        with pytest.raises(Conflict, match="another contact"):
            contact_changes.update_contact(connection, first, START, {"email": " Person1@Example.net"})
        with pytest.raises(BadInput):
            contact_changes.update_contact(connection, first, START, {"email": "no address"})


def test_only_what_is_given_changes(world: World, person: UUID):
    with world.store.transaction() as connection:
        contact_changes.update_contact(
            connection, person, START, {"first_name": None, "timezone": "Europe/Rome"}
        )
        row = contacts.get_contact(connection, person)
    assert (row["email"], row["first_name"], row["timezone"], row["metadata"]) == (
        ADDRESS, None, "Europe/Rome", '{"company":"Co 0"}',
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "status"),
    [(SuppressionReason.BOUNCE, "active"), (SuppressionReason.UNSUBSCRIBE, "unsubscribed")],
)
def test_a_bounce_stays_with_the_address(world: World, person: UUID, reason: SuppressionReason, status: str):
    suppress(world, reason)
    with world.store.transaction() as connection:
        contact_changes.update_contact(connection, person, START, {"email": "new@example.net"})
    assert contact_status(world) == status


def test_moving_to_a_suppressed_address_exits(world: World):
    world.domain()
    [person] = world.people(1, prefix="mover")
    world.enroll(world.sequence((1,)), [person])
    suppress(world, SuppressionReason.COMPLAINT)
    with world.store.transaction() as connection:
        contact_changes.update_contact(connection, person, START, {"email": ADDRESS})
    assert (contact_status(world), outcome(world)) == ("complained", [("exited", "complained")])


def test_unsubscribing_twice_is_harmless(world: World, person: UUID):
    for _ in range(2):
        with world.store.transaction() as connection:
            contact_changes.unsubscribe_contact(connection, person, START, "api")
    assert world.rows("SELECT reason, source FROM suppression") == [
        {"reason": "unsubscribe", "source": "api"}
    ]


def test_a_deleted_person_returns_with_their_past(world: World, news: UUID, person: UUID):
    """SPEC 3: a re-import lifts nothing and restarts nothing."""
    world.sequence((0, 1), list_id=news)
    join(world, news, person)
    world.tick(START)
    suppress(world, SuppressionReason.UNSUBSCRIBE)
    with world.store.transaction() as connection:
        contact_changes.delete_contact(connection, person, START)
        with pytest.raises(NotFound):
            contacts.get_contact(connection, person)
    [buried] = world.rows("SELECT * FROM contact")
    assert (buried["email"], buried["first_name"], buried["metadata"]) == (None, None, "{}")
    assert ADDRESS not in str(buried)

    assert bring_in(world, news) == 1
    assert world.rows("SELECT id, email, status, address_hash FROM contact") == [
        {"id": person, "email": ADDRESS, "status": "unsubscribed", "address_hash": None}
    ]
    assert outcome(world) == [("exited", "unsubscribed")]


def test_a_deleted_person_created_anew_restarts_nothing(world: World, news: UUID, person: UUID):
    world.sequence((0, 1), list_id=news)
    join(world, news, person)
    with world.store.transaction() as connection:
        contact_changes.delete_contact(connection, person, START)
        again = contact_rows.create_contact(connection, START + DAY, email=ADDRESS, first_name="Anna")
        assert contacts.get_contact(connection, again)["first_name"] == "Anna"
    assert again == person
    assert join(world, news, again) == 0
    assert outcome(world) == [("exited", "contact_deleted")]


def test_many_are_deleted_at_once_and_strangers_passed_over(world: World, news: UUID):
    people = world.people(3)
    join(world, news, *people)
    with world.store.transaction() as connection:
        assert contact_changes.delete_contacts(connection, [*people[:2], people[0], news, None], START) == 2
        assert lists.get_list(connection, news)["contact_count"] == 1


def test_two_deleted_at_one_address_leave_one_to_return(world: World):
    first, second = world.people(2)
    with world.store.transaction() as connection:
        contact_changes.delete_contact(connection, first, START)
        contact_changes.update_contact(connection, second, START, {"email": ADDRESS})
        contact_changes.delete_contact(connection, second, START + MINUTE)
    bring_in(world, None)
    assert world.rows("SELECT id FROM contact WHERE email = $email", email=ADDRESS) == [{"id": second}]


def test_a_claim_for_an_address_since_opted_out_is_taken_back(world: World):
    """SPEC 3: a link acts on the address that was mailed, and on the contact only while it is still theirs."""
    cell = Cell(world)
    cell.bring_into("claimed")
    with world.store.transaction() as connection:
        contact_changes.update_contact(connection, cell.contact, DAY_1, {"email": "new@example.net"})
        suppressions.suppress(connection, ADDRESS, SuppressionReason.UNSUBSCRIBE, DAY_1, source="link")
    cell.go_on("claimed")
    assert [mail.to for mail in world.sandbox.mailbox.page().mails] == ["new@example.net"]


def test_a_claim_goes_to_the_address_it_was_made_for(world: World):
    """SPEC 3: the address is fixed at claim."""
    cell = Cell(world)
    cell.bring_into("claimed")
    with world.store.transaction() as connection:
        contact_changes.update_contact(connection, cell.contact, DAY_1, {"email": "new@example.net"})
    cell.go_on("claimed")
    assert [mail.to for mail in world.sandbox.mailbox.page().mails] == [ADDRESS]
