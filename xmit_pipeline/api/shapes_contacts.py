"""Shapes of contacts and lists."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StrictBool

from xmit_pipeline.api.paging import Listing
from xmit_pipeline.api.shapes import (
    MOST_AT_ONCE,
    MOST_IN_BULK,
    Address,
    ContactId,
    Document,
    Given,
    Label,
    ListId,
    Metadata,
    Name,
    NotNull,
    Shape,
    Success,
)
from xmit_pipeline.model.lifecycle import ContactStatus


class ContactDraft(Given):
    """A person to be mailed."""

    email: Address
    first_name: Label = None
    last_name: Label = None
    metadata: Metadata = Field(
        default_factory=dict, description="A JSON object; each key can be used in Liquid by its name."
    )
    timezone: Label = Field(default=None, description="Stored and shown only.")


class ContactChange(Given):
    """What to change; what is left out stays, null empties. `metadata` replaces the old one whole."""

    email: Annotated[Address | None, NotNull] = None
    first_name: Label = None
    last_name: Label = None
    metadata: Annotated[Metadata | None, NotNull] = None
    timezone: Label = None


class NewContact(ContactDraft):
    """A contact, put on a list at once where one is named."""

    list_id: ListId | None = None


class Contact(Shape):
    """One person, keyed by case-folded address."""

    id: ContactId
    email: str
    first_name: str | None
    last_name: str | None
    metadata: Document
    timezone: str | None
    status: ContactStatus
    created_at: datetime
    updated_at: datetime


class Contacts(Listing):
    """A page of contacts, newest first."""

    contacts: list[Contact]


class NewContacts(Given):
    """Contacts to make, all of them or none."""

    contacts: list[ContactDraft] = Field(min_length=1, max_length=MOST_IN_BULK)
    list_id: ListId | None = Field(default=None, description="A list that all of them join.")


class MadeContacts(Shape):
    """The new contacts, in the order given."""

    contacts: list[Contact]


class ContactDeletion(Given):
    """Whom to delete: `ids`, or everybody."""

    ids: list[str] = Field(default_factory=list, max_length=MOST_AT_ONCE)
    delete_all: StrictBool = False


class Deleted(Success):
    """How many were deleted."""

    deleted: int


Row = Annotated[
    Any,
    Field(description="`email`, and `firstName`, `lastName`, `metadata`, `timezone` where they are known."),
]


class ContactImport(Given):
    """Contacts to bring in; each row is looked at by itself, so that a bad one stops no other."""

    contacts: list[Row] = Field(
        max_length=MOST_AT_ONCE,
        examples=[[{"email": "ada@example.org", "firstName": "Ada", "metadata": {"plan": "pro"}}]],
    )
    list_id: ListId | None = Field(default=None, description="A list that all of them join.")


class RefusedRow(Shape):
    """A row that was not brought in."""

    index: int = Field(description="Its place among the rows given, from 0.")
    field: str
    message: str


class ImportAnswer(Shape):
    """What became of the rows: created + skipped + errors is how many were given."""

    created: int
    skipped: int = Field(description="Known already, or repeated in this call; they keep their fields.")
    errors: list[RefusedRow]


class ListDraft(Given):
    """A new list."""

    name: Name
    description: Label = None


class ListChange(Given):
    """What to change; what is left out stays."""

    name: Annotated[Name | None, NotNull] = None
    description: Label = None


class ContactList(Shape):
    """A named set of contacts."""

    id: ListId
    name: str
    description: str | None
    contact_count: int
    created_at: datetime


class Lists(Listing):
    """A page of lists, newest first."""

    lists: list[ContactList]


class Member(Contact):
    """A contact on a list."""

    added_at: datetime


class ListWithMembers(ContactList, Listing):
    """A list and a page of its members, the latest first."""

    contacts: list[Member]


class ContactIds(Given):
    """Whom a call is about; ids of nobody are passed over."""

    contact_ids: list[str] = Field(max_length=MOST_AT_ONCE, examples=[["con_01jd0000000000000000000000"]])


class Added(Shape):
    """How many are new on the list; they were enrolled in its active sequences."""

    added: int


class Removed(Shape):
    """How many were on the list."""

    removed: int
