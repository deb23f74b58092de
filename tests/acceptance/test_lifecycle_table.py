"""Every action in every state a person can be in; the same table in words is docs/lifecycle.md (SPEC 2, 3, 6)."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.acceptance.lifecycle_cells import STATES, Cell
from tests.campaigns import World

DOCUMENT = Path(__file__).parents[2] / "docs" / "lifecycle.md"
TWO, EDITED, OTHER, THREE = (
    "two from example.com",
    "two, edited from example.com",
    "two from other.example",
    "three from example.com",
)
REFUSED = "refused"


class Seen(NamedTuple):
    """The person and their second message at once, and what became of them and was mailed once delivery went on."""

    person: str
    message: str
    person_then: str
    message_then: str
    mailed: tuple[str, ...] = ()


DUE, OPEN, PAUSED = "active, two on day 1", "active, two open", "paused, two on day 1"
ON = "active, three on day 3"
SKIPS = {"archived": "exited", "manual": "exited", "suppressed": "suppressed", "contact_deleted": "inactive"}


def gone(reason: str) -> dict[str, Seen]:
    """What every exit does, each with its own reason."""
    out, skipped = f"exited: {reason}", f"skipped: {SKIPS[reason]}"
    return {
        "due": Seen(out, skipped, out, skipped),
        "claimed": Seen(out, "claimed", out, skipped),
        "inflight": Seen(out, "claimed", out, "sent", (TWO,)),
        "unknown": Seen(out, "unknown", out, "unknown"),
        "waiting": Seen(out, skipped, out, skipped),
        "paused": Seen(out, "none", out, "none"),
    }


TABLE: dict[str, dict[str, Seen]] = {
    "pause": {
        "due": Seen(PAUSED, "none", PAUSED, "none"),
        "claimed": Seen("paused, two open", "claimed", PAUSED, "waiting"),
        "inflight": Seen("paused, two open", "claimed", "paused, three on day 3", "sent", (TWO,)),
        "unknown": Seen("paused, two open", "unknown", "paused, two open", "unknown"),
        "waiting": Seen(PAUSED, "waiting", PAUSED, "waiting"),
        "paused": Seen(REFUSED, "none", ON, "sent", (TWO,)),
    },
    "resume": {
        "due": Seen(REFUSED, "none", ON, "sent", (TWO,)),
        "claimed": Seen(REFUSED, "claimed", ON, "sent", (TWO,)),
        "inflight": Seen(REFUSED, "claimed", ON, "sent", (TWO,)),
        "unknown": Seen(REFUSED, "unknown", OPEN, "unknown"),
        "waiting": Seen(REFUSED, "waiting", ON, "sent", (TWO,)),
        "paused": Seen(DUE, "none", ON, "sent", (TWO,)),
    },
    "archive": gone("archived"),
    "exit": gone("manual"),
    "suppress": gone("suppressed"),
    "delete contact": gone("contact_deleted"),
    "edit": {
        "due": Seen(DUE, "none", ON, "sent", (EDITED,)),
        "claimed": Seen(OPEN, "claimed", ON, "sent", (TWO,)),
        "inflight": Seen(OPEN, "claimed", ON, "sent", (TWO,)),
        "unknown": Seen(OPEN, "unknown", OPEN, "unknown"),
        "waiting": Seen(DUE, "waiting", ON, "sent", (EDITED,)),
        "paused": Seen(PAUSED, "none", ON, "sent", (EDITED,)),
    },
    "delete step": {
        "due": Seen("active, three on day 2", "none", "active, three on day 2", "none"),
        "claimed": Seen(OPEN, "claimed", "active, three on day 2", "skipped: step_deleted"),
        "inflight": Seen(OPEN, "claimed", ON, "sent", (TWO,)),
        "unknown": Seen(OPEN, "unknown", OPEN, "unknown"),
        "waiting": Seen(
            "active, three on day 2",
            "skipped: step_deleted",
            "active, three on day 2",
            "skipped: step_deleted",
        ),
        "paused": Seen("paused, three on day 2", "none", "active, three on day 2", "none"),
    },
    "reorder": {
        "due": Seen("active, three on day 1", "none", "active, two on day 2", "none", (THREE,)),
        "claimed": Seen(OPEN, "claimed", "completed", "sent", (TWO,)),
        "inflight": Seen(OPEN, "claimed", "completed", "sent", (TWO,)),
        "unknown": Seen(OPEN, "unknown", OPEN, "unknown"),
        "waiting": Seen(DUE, "waiting", "completed", "sent", (TWO,)),
        "paused": Seen("paused, three on day 1", "none", "active, two on day 2", "none", (THREE,)),
    },
    "change sender": {
        "due": Seen(DUE, "none", ON, "sent", (OTHER,)),
        "claimed": Seen(OPEN, "claimed", ON, "sent", (OTHER,)),
        "inflight": Seen(OPEN, "claimed", ON, "sent", (TWO,)),
        "unknown": Seen(OPEN, "unknown", OPEN, "unknown"),
        "waiting": Seen(DUE, "waiting", ON, "sent", (OTHER,)),
        "paused": Seen(PAUSED, "none", ON, "sent", (OTHER,)),
    },
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("action", TABLE)
def test_an_action_in_a_state_does_what_the_table_says(world: World, action: str, state: str):
    cell = Cell(world)
    cell.bring_into(state)
    cell.do(action)
    person, message = REFUSED if cell.refused else cell.person(), cell.message()
    cell.go_on(state)
    assert Seen(person, message, cell.person(), cell.message(), tuple(cell.mailed())) == TABLE[action][state]


def test_the_document_has_the_same_cells():
    described: dict[tuple[str, str], str] = {}
    for section in re.split(r"^### ", DOCUMENT.read_text(), flags=re.MULTILINE)[1:]:
        action = section.splitlines()[0].strip().lower()
        for state, words in re.findall(r"^\| (\w+) \| (.+) \|$", section, flags=re.MULTILINE):
            described[action, state] = words
    wanted = {(action, state) for action, row in TABLE.items() for state in row}
    assert {cell for cell in described if cell[1] in STATES} == wanted
    assert all(described[cell].strip() for cell in wanted)
