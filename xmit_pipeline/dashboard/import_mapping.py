"""What a file's columns become, as a form asks it: the recognised use preselected, each fault beside its column."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xmit_pipeline.dashboard.faults import Faults
from xmit_pipeline.dashboard.form import Form
from xmit_pipeline.model.column_roles import FLAGS, KEPT_AS_METADATA, Role, role_of
from xmit_pipeline.model.columns import Column, map_columns, shown
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.model.metadata_keys import BUILT_IN_NAMES, is_metadata_key, metadata_key

OWN = "own"
"""The use of a column that is kept under a name of its own."""
RECOGNISED = "recognised"
"""The use of a column whose header says something that no other choice says."""

_PLAIN = (Role.EMAIL, Role.FIRST_NAME, Role.LAST_NAME, Role.TIMEZONE, Role.STATUS)
_CHOICES = (
    (Role.EMAIL.value, "E-mail address"),
    (Role.FIRST_NAME.value, "First name"),
    (Role.LAST_NAME.value, "Last name"),
    (Role.TIMEZONE.value, "Time zone"),
    (Role.STATUS.value, "Status: who must not be mailed"),
    (OWN, "A field of its own"),
    (Role.LEFT_OUT.value, "Leave it out"),
)
_SPECIAL = {
    Role.FULL_NAME: "Whole name, split into first and last",
    Role.UNSUBSCRIBED: "Says who has unsubscribed",
    Role.BOUNCED: "Says whose mail bounced",
    Role.COMPLAINED: "Says who reported spam",
    Role.SUBSCRIBED: "Says who wants mail",
    Role.ATTRIBUTES: "A JSON object of several fields",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One column: its header, what its first rows hold, and the use and own name that are chosen."""

    place: int
    header: str
    examples: list[str]
    role: Role
    use: str
    key: str

    @property
    def shown(self) -> str:
        return shown(self.header) or f"(column {self.place + 1}, without a header)"

    @property
    def choices(self) -> list[tuple[str, str]]:
        """What it can become."""
        special = _SPECIAL.get(self.role)
        return [*([(RECOGNISED, special)] if special else []), *_CHOICES]

    @property
    def column(self) -> Column:
        """As the reader of files knows it."""
        if self.use == RECOGNISED:
            return Column(self.header, self.role, self.key)
        if self.use == OWN:
            return Column(self.header, Role.METADATA, self.key)
        return Column(self.header, Role(self.use), metadata_key(self.header, self.place + 1))

    @property
    def override(self) -> str | None:
        """What `xmit import --map` would say of it; None where the file is understood so by itself."""
        if (self.use, self.key) == _recognised(self.header, self.place) or self.use == RECOGNISED:
            return None
        return self.key if self.use == OWN else self.use


def recognised(headers: Sequence[str], examples: Sequence[list[str]]) -> list[Choice]:
    """Every column as its header is understood."""
    return [
        Choice(place, header, examples[place], role_of(header), *_recognised(header, place))
        for place, header in enumerate(headers)
    ]


def chosen(choices: Sequence[Choice], form: Form) -> list[Choice]:
    """The same as a form says it; a use that does not exist is left as it was."""
    return [_chosen(choice, form) for choice in choices]


def mapping_faults(choices: Sequence[Choice]) -> Faults:
    """What keeps these columns from being taken in, by the form's fields; empty where nothing does."""
    faults = {**_collisions(choices), **_name_faults(choices)}
    if not any(choice.column.role is Role.EMAIL for choice in choices):
        faults.setdefault("use-0", "No column holds e-mail addresses; say which one does.")
    if not faults:
        try:
            map_columns([choice.header for choice in choices], overrides(choices))
        except BadInput as error:
            faults["use-0"] = str(error)
    return faults


def overrides(choices: Sequence[Choice]) -> dict[str, str]:
    """What differs from how the headers are understood, as the reader of files takes it."""
    return {choice.header: choice.override for choice in choices if choice.override is not None}


def _recognised(header: str, place: int) -> tuple[str, str]:
    role, key = role_of(header), metadata_key(header, place + 1)
    if role in _PLAIN:
        return role.value, key
    return (OWN if role is Role.METADATA else RECOGNISED), key


def _chosen(choice: Choice, form: Form) -> Choice:
    use = form.text(f"use-{choice.place}")
    known = {name for name, _ in choice.choices}
    own = form.text(f"key-{choice.place}").strip() if use == OWN else ""
    return replace(choice, use=use if use in known else choice.use, key=own or choice.key)


def _name_faults(choices: Sequence[Choice]) -> Faults:
    faults: Faults = {}
    for choice in choices:
        if choice.use == OWN and choice.key in BUILT_IN_NAMES:
            faults[f"key-{choice.place}"] = f"{choice.key} is built in; give this column another name."
        elif choice.use == OWN and not is_metadata_key(choice.key):
            better = metadata_key(choice.key or choice.header, choice.place + 1)
            faults[f"key-{choice.place}"] = f"A name is letters, digits and _, such as {better}."
        elif choice.use == RECOGNISED and choice.role in FLAGS and choice.key in BUILT_IN_NAMES:
            faults[f"use-{choice.place}"] = f"It would become {choice.key}, which is built in; leave it out."
    return faults


def _collisions(choices: Sequence[Choice]) -> Faults:
    faults: Faults = {}
    first: dict[str, Choice] = {}
    headers: dict[str, Choice] = {}
    for choice in choices:
        name = f"key-{choice.place}" if choice.use == OWN else f"use-{choice.place}"
        twin = headers.setdefault(choice.header, choice)
        if twin is not choice and {twin.use, choice.use} != {Role.LEFT_OUT.value}:
            faults[f"use-{choice.place}"] = (
                f"Two columns are called {choice.shown}; leave both out, or rename one in the file."
            )
            continue
        for target in _targets(choice.column):
            other = first.setdefault(target, choice)
            if other is not choice:
                faults[name] = f"{other.shown} becomes {target} already; give one of them another name."
    return faults


def _targets(column: Column) -> list[str]:
    """The names that a column fills, which no other may fill too."""
    if column.role is Role.LEFT_OUT:
        return []
    return [column.key if column.role in KEPT_AS_METADATA else column.role.value]
