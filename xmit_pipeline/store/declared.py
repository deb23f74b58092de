"""What a file declares, and how the store differs from it: plain values (docs/sequences-as-code.md).

Reading the file is the command's; making the store follow it is `store.declared_apply`.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from xmit_pipeline.model.errors import BadInput, XmitError

Place = tuple[str | int, ...]
"""Where something stands in the file: `("sequences", 0, "steps", 1, "subject")`."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A domain, sender, list, sequence or step of the file. `said` are the fields it names; others stay as they are.

    `steps` are all steps of a sequence, in order; None where the file leaves them alone.
    """

    place: Place
    name: str
    said: Mapping[str, Any]
    renamed_from: str | None = None
    steps: "tuple[Thing, ...] | None" = None


@dataclass(frozen=True, slots=True)
class Declaration:
    """A whole file."""

    domains: tuple[Thing, ...] = ()
    senders: tuple[Thing, ...] = ()
    lists: tuple[Thing, ...] = ()
    sequences: tuple[Thing, ...] = ()


class Mark(StrEnum):
    """What happens to a thing."""

    CREATE = "+"
    CHANGE = "~"
    REMOVE = "-"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field, under its name in the store's rows."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that becomes what the file says; `parts` are a sequence's steps."""

    mark: Mark
    kind: str
    name: str
    fields: tuple[FieldChange, ...] = ()
    parts: "tuple[Change, ...]" = ()


@dataclass(frozen=True, slots=True)
class PlacedFault:
    """Why something of the file can't be, and where it stands."""

    place: Place
    message: str


class Misplaced(BadInput):
    """A fault of one field of a thing."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place


@dataclass(slots=True)
class Differences:
    """Everything that would change, in order, or that can't."""

    changes: list[Change] = field(default_factory=list[Change])
    faults: list[PlacedFault] = field(default_factory=list[PlacedFault])

    def add(self, change: Change | None) -> None:
        """Take a change down, where there is one."""
        if change is not None:
            self.changes.append(change)

    @contextmanager
    def faults_at(self, place: Place) -> Generator[None]:
        """What goes wrong inside is a fault of this place, and what comes after goes on."""
        try:
            yield
        except XmitError as error:
            at = error.place if isinstance(error, Misplaced) else place
            self.faults.append(PlacedFault(at, str(error)))


def fields_that_differ(row: Mapping[str, Any], said: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """Each field that is said otherwise than the row has it."""
    return tuple(FieldChange(name, row[name], value) for name, value in said.items() if row[name] != value)


def fields_said(said: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """The fields of something new; those said to be empty are no news."""
    return tuple(FieldChange(name, None, value) for name, value in said.items() if value is not None)


def changed(
    kind: str, name: str, fields: tuple[FieldChange, ...], parts: tuple[Change, ...] = ()
) -> Change | None:
    """The change of something that is there already; None where nothing differs."""
    return Change(Mark.CHANGE, kind, name, fields, parts) if fields or parts else None
