"""Which column of a contact file fills which field of a contact; reading the file is the store's.

A column that is no known field becomes metadata, under a name that Liquid can use.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from xmit_pipeline.model.column_roles import FLAGS, KEPT_AS_METADATA, Role, role_of
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.model.metadata_keys import BUILT_IN_NAMES, is_metadata_key, metadata_key

_FIELDS = {
    role.value: role for role in (Role.EMAIL, Role.FIRST_NAME, Role.LAST_NAME, Role.TIMEZONE, Role.STATUS)
}
_NAME_PARTS = frozenset({Role.FIRST_NAME, Role.LAST_NAME})


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its header as the file spells it, its use, and the metadata key of what is kept as such."""

    header: str
    role: Role
    key: str

    @property
    def field(self) -> str:
        """Where its values go, for people to read."""
        if self.role in FLAGS:
            return f"status, {self.key}"
        return {Role.METADATA: self.key, Role.ATTRIBUTES: "metadata"}.get(self.role, self.role.value)

    @property
    def target(self) -> str | None:
        """The one name this column fills, which no other column may fill too."""
        if self.role is Role.LEFT_OUT:
            return None
        return self.key if self.role in KEPT_AS_METADATA else self.role.value


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Every column of a file, in the file's order."""

    columns: tuple[Column, ...]

    def listing(self) -> list[tuple[str, str]]:
        """(header, field) of each column, for a report."""
        return [(shown(column.header), column.field) for column in self.columns]


def map_columns(headers: Sequence[str], overrides: Mapping[str, str]) -> ColumnMap:
    """Gives each header its field; `overrides` is what `--map column=field` says, and wins (SPEC 10).

    A field is `email`, `firstName`, `lastName`, `timezone`, `status`, a metadata key, or `-` for a column to
    leave out. BadInput where no column holds addresses, two columns fill one name, a name is built in
    or unusable in Liquid, or an override names a column that isn't there.
    """
    wanted = _overridden(headers, overrides)
    columns = [
        _chosen(header, place, wanted[place]) if place in wanted else _recognised(header, place)
        for place, header in enumerate(headers)
    ]
    if any(column.role in _NAME_PARTS for column in columns):
        columns = [
            replace(column, role=Role.METADATA) if column.role is Role.FULL_NAME else column
            for column in columns
        ]
    _refuse_collisions(columns)
    _refuse_without_address(columns)
    return ColumnMap(tuple(columns))


def shown(header: str) -> str:
    """A header as it fits into a sentence: on one line, and short."""
    return " ".join(header.split())[:60]


def _recognised(header: str, place: int) -> Column:
    return Column(header, role_of(header), metadata_key(header, place + 1))


def _chosen(header: str, place: int, field: str) -> Column:
    if field == Role.LEFT_OUT:
        return Column(header, Role.LEFT_OUT, "")
    if field in _FIELDS:
        return Column(header, _FIELDS[field], metadata_key(header, place + 1))
    if field in BUILT_IN_NAMES:
        raise BadInput(f"{_map(header, field)}: that name is built in. Give the column another one.")
    if not is_metadata_key(field):
        better = metadata_key(field, place + 1)
        raise BadInput(
            f'{_map(header, field)}: "{field}" can\'t be used in Liquid; {_map(header, better)} can.'
        )
    return Column(header, Role.METADATA, field)


def _overridden(headers: Sequence[str], overrides: Mapping[str, str]) -> dict[int, str]:
    """The field of each place whose header an override names: to the letter, else in any case and spacing."""
    wanted: dict[int, str] = {}
    for name, field in overrides.items():
        places = [place for place, header in enumerate(headers) if header == name]
        places = places or [place for place, header in enumerate(headers) if _folded(header) == _folded(name)]
        if not places:
            raise BadInput(f'{_map(name, field)}: the file has no column "{shown(name)}". {_found(headers)}')
        wanted.update(dict.fromkeys(places, field.strip()))
    return wanted


def _refuse_collisions(columns: Sequence[Column]) -> None:
    first: dict[str, Column] = {}
    for column in columns:
        target = column.target
        if target is None:
            continue
        if target in BUILT_IN_NAMES and column.role in KEPT_AS_METADATA:
            raise BadInput(
                f'The column "{shown(column.header)}" would become {target}, which is built in. '
                f"Give it another name with {_map(column.header, 'otherName')}, or leave it out with "
                f"{_map(column.header, Role.LEFT_OUT)}."
            )
        if target in first:
            raise BadInput(_collision(first[target], column, target))
        first[target] = column


def _collision(one: Column, other: Column, target: str) -> str:
    if one.header == other.header:
        return (
            f'Two columns are both called "{shown(one.header)}". Rename one of them in the file, '
            f"or leave both out with {_map(one.header, Role.LEFT_OUT)}."
        )
    return (
        f'The columns "{shown(one.header)}" and "{shown(other.header)}" would both become {target}. '
        f"Give one another name with {_map(other.header, 'otherName')}, or leave it out with "
        f"{_map(other.header, Role.LEFT_OUT)}."
    )


def _refuse_without_address(columns: Sequence[Column]) -> None:
    if any(column.role is Role.EMAIL for column in columns):
        return
    headers = [column.header for column in columns]
    example = _map(next(filter(None, map(shown, headers)), "column"), "email")
    raise BadInput(f"No column holds e-mail addresses. {_found(headers)} Say which one does with {example}.")


def _found(headers: Sequence[str]) -> str:
    names = ", ".join(f'"{shown(header)}"' for header in headers)
    return f"Columns found: {names}."


def _map(header: str, field: str) -> str:
    return f'--map "{shown(header)}={field}"'


def _folded(header: str) -> str:
    return shown(header).casefold()
