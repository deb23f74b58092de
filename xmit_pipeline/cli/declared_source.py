"""A YAML file with the place of everything in it, so that a fault can be told with its line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.store.declared import Place, PlacedFault

LARGEST_FILE = 10_000_000
QUOTES = "A text with `: `, `#` or a brace in it needs quotes around it."
MOST_NODES = 200_000
"""Places that a file may have: aliases of aliases can write down more of them than a machine can hold."""
DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Source:
    """What the file holds, and the line (from 1) of each place."""

    path: Path
    content: Any
    lines: Mapping[Place, int]

    def refusal(self, faults: Sequence[PlacedFault]) -> BadInput:
        """All faults in the file's order, a line each, as a compiler would tell them."""
        told = sorted(faults, key=lambda fault: self.line_of(fault.place))
        lines = [f"{self.path.name}:{self.line_of(fault.place)}: {in_words(fault)}" for fault in told]
        return BadInput(
            "\n".join([f"{self.path.name} can't be applied; nothing was changed.", *lines]),
            [{"field": written(fault.place), "message": fault.message} for fault in told],
        )

    def line_of(self, place: Place) -> int:
        """The line of a place, or of the nearest one around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def written(place: Place) -> str:
    """`sequences[0].steps[1].subject`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")


def in_words(fault: PlacedFault) -> str:
    """The place and what is wrong with it."""
    return f"{written(fault.place)}: {fault.message}" if fault.place else fault.message


def read_source(path: Path) -> Source:
    """Parse the file. BadInput where it can't be read, is no YAML, or says one key twice."""
    text = read_text(path)
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        lines, repeated = _places(path, node) if node else ({}, [])
        content = loader.construct_document(node) if node else None
    except yaml.YAMLError as error:
        raise BadInput(f"{path.name}{_where(error)} is not YAML: {_problem(error)}. {QUOTES}") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path.name} holds a value that can't be read: {error}.") from error
    source = Source(path, {} if content is None else content, lines)
    if repeated:
        raise source.refusal(repeated)
    return source


def read_text(path: Path) -> str:
    """A file's text to the letter, line ends and all. BadInput where it is missing, too large, or not UTF-8."""
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise BadInput(f"{path} is over 10 MB.")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8; save it as UTF-8.") from error


def _places(path: Path, root: yaml.Node) -> tuple[dict[Place, int], list[PlacedFault]]:
    """The line of every place, and the keys that are said twice: YAML itself would let the last one win."""
    lines: dict[Place, int] = {}
    repeated: list[PlacedFault] = []
    pending: list[tuple[Place, yaml.Node]] = [((), root)]
    while pending:
        place, node = pending.pop()
        for key, child, line in _children(node):
            at = (*place, key)
            if at in lines:
                repeated.append(PlacedFault(at, "This key is there twice."))
            lines[at] = line
            pending.append((at, child))
        if len(lines) > MOST_NODES or len(place) > DEEPEST:
            raise BadInput(
                f"{path.name} holds more than {MOST_NODES:,} values, or values {DEEPEST} deep; aliases may repeat them."
            )
    return lines, repeated


def _children(node: yaml.Node) -> list[tuple[str | int, yaml.Node, int]]:
    if isinstance(node, yaml.MappingNode):
        return [(str(key.value), value, key.start_mark.line + 1) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return [(number, child, child.start_mark.line + 1) for number, child in enumerate(node.value)]
    return []


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}" if mark else ""


def _problem(error: yaml.YAMLError) -> str:
    return getattr(error, "problem", None) or getattr(error, "reason", None) or "it can't be parsed"
