"""A file for `xmit apply`, read into what it declares; every fault is told, with its line."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_snake

from xmit_pipeline.cli.declared_shapes import KEYS, FileShape, SenderShape, SequenceShape, Shape, StepShape
from xmit_pipeline.cli.declared_source import Source, read_source, read_text, written
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.rendering.source import StepSource, template_faults
from xmit_pipeline.store.declared import Declaration, Place, PlacedFault, Thing

_NO_FIELDS = {"renamed_from", "steps", "body_file", "body_text_file"}
"""What a shape holds beside the fields of the thing itself."""

_PLAIN_WORDS = {
    "string_type": "It must be text; put quotes around it.",
    "list_type": "It must be a list: lines that begin with a dash.",
    "model_type": "It must be a mapping: lines of `key: value`.",
    "bool_type": "It must be true or false.",
    "int_type": "It must be a whole number.",
    "string_too_short": "It must not be blank.",
}


def read_declaration(path: Path) -> tuple[Declaration, Source]:
    """What the file declares. BadInput names everything that is wrong in it."""
    source = read_source(path)
    try:
        shape = FileShape.model_validate(source.content)
    except ValidationError as error:
        raise source.refusal([_fault(found) for found in error.errors()]) from error
    faults = [*_repeated(shape), *_several_defaults(shape.senders), *_lists_and_triggers(shape.sequences)]
    declaration = Declaration(
        domains=_things("domains", shape.domains),
        senders=_things("senders", shape.senders),
        lists=_things("lists", shape.lists),
        sequences=tuple(
            _sequence(("sequences", number), sequence, path.parent, faults)
            for number, sequence in enumerate(shape.sequences)
        ),
    )
    if faults:
        raise source.refusal(faults)
    return declaration, source


def _things(key: str, shapes: Sequence[Shape]) -> tuple[Thing, ...]:
    return tuple(_thing((key, number), shape) for number, shape in enumerate(shapes))


def _thing(
    place: Place,
    shape: Shape,
    *,
    steps: tuple[Thing, ...] | None = None,
    read: Mapping[str, str] | None = None,
) -> Thing:
    """What a shape says, and what was read for it from other files."""
    said = shape.model_dump(exclude_unset=True, exclude=_NO_FIELDS)
    name = said.pop(shape.key)
    return Thing(place, name, {**said, **(read or {})}, getattr(shape, "renamed_from", None), steps)


def _sequence(place: Place, shape: SequenceShape, folder: Path, faults: list[PlacedFault]) -> Thing:
    if shape.steps is None:
        return _thing(place, shape)
    steps = [
        _step((*place, "steps", number), step, folder, faults) for number, step in enumerate(shape.steps)
    ]
    return _thing(place, shape, steps=tuple(steps))


def _step(place: Place, shape: StepShape, folder: Path, faults: list[PlacedFault]) -> Thing:
    """A step with its bodies read; what Liquid does not parse is a fault of the place where it is written."""
    places = {"subject": (*place, "subject")}
    read: dict[str, str] = {}
    for field, file in (("bodyHtml", "bodyFile"), ("bodyText", "bodyTextFile")):
        places[field] = (*place, field)
        name = getattr(shape, to_snake(file))
        if name is not None:
            places[field] = (*place, file)
            with _fault_at(places[field], faults):
                read[to_snake(field)] = read_text(folder / name)
    faults += _body_faults(place, shape)
    thing = _thing(place, shape, read=read)
    html, text = thing.said.get("body_html"), thing.said.get("body_text")
    found = template_faults(StepSource(shape.subject, html or "", text))
    faults += [PlacedFault(places[fault["field"]], fault["message"]) for fault in found]
    return thing


def _body_faults(place: Place, shape: StepShape) -> Iterator[PlacedFault]:
    if (shape.body_html is None) == (shape.body_file is None):
        yield PlacedFault(
            place, "A step has its HTML in bodyHtml, or in the file that bodyFile names; say one of them."
        )
    if shape.body_text is not None and shape.body_text_file is not None:
        yield PlacedFault((*place, "bodyTextFile"), "The text is in bodyText already; say one of them.")


@contextmanager
def _fault_at(place: Place, faults: list[PlacedFault]) -> Generator[None]:
    try:
        yield
    except BadInput as error:
        faults.append(PlacedFault(place, str(error)))


def _repeated(shape: FileShape) -> Iterator[PlacedFault]:
    """Things of one name: the file could not say which is meant."""
    groups: list[tuple[Place, Sequence[Shape]]] = [
        (("domains",), shape.domains),
        (("senders",), shape.senders),
        (("lists",), shape.lists),
        (("sequences",), shape.sequences),
        *(
            (("sequences", number, "steps"), sequence.steps or ())
            for number, sequence in enumerate(shape.sequences)
        ),
    ]
    for place, shapes in groups:
        first: dict[str, int] = {}
        for number, one in enumerate(shapes):
            name = getattr(one, one.key)
            if first.setdefault(name, number) != number:
                words = f"{name!r} is there already, as {written((*place, first[name]))}."
                yield PlacedFault((*place, number, one.key), words)


def _several_defaults(senders: Sequence[SenderShape]) -> Iterator[PlacedFault]:
    defaults = [number for number, sender in enumerate(senders) if sender.default]
    for number in defaults[1:]:
        yield PlacedFault(
            ("senders", number, "default"), "Another sender is the default already; one can be."
        )


def _lists_and_triggers(sequences: Sequence[SequenceShape]) -> Iterator[PlacedFault]:
    for number, sequence in enumerate(sequences):
        listed = sequence.trigger_list is not None
        if sequence.trigger_type is TriggerType.LIST_ADD and not listed:
            words = "A list_add sequence needs triggerList: the list whose new members are enrolled."
            yield PlacedFault(("sequences", number, "triggerType"), words)
        if sequence.trigger_type is TriggerType.MANUAL and listed:
            words = "No list starts a manual sequence; leave triggerList out, or say list_add."
            yield PlacedFault(("sequences", number, "triggerList"), words)


def _fault(found: Mapping[str, Any]) -> PlacedFault:
    """One of pydantic's errors, in the words of somebody who writes a file."""
    place: Place = tuple(found["loc"])
    match found["type"]:
        case "extra_forbidden":
            return PlacedFault(place, _unknown_key(place))
        case "missing":
            return PlacedFault(place[:-1], f"{place[-1]} is missing.")
        case kind if kind in _PLAIN_WORDS:
            return PlacedFault(place, _PLAIN_WORDS[kind])
        case "literal_error":
            return PlacedFault(place, "Say true for the one default sender, and nothing for the others.")
        case _:
            words = str(found["msg"]).removeprefix("Value error, ")
            return PlacedFault(place, words if words.endswith(".") else f"{words}.")


def _unknown_key(place: Place) -> str:
    around = next((part for part in reversed(place[:-1]) if isinstance(part, str)), "")
    known = KEYS.get(around, ())
    near = get_close_matches(str(place[-1]), known, n=1)
    return (
        f"This key is not known; did you mean {near[0]}?"
        if near
        else f"This key is not known; there are {', '.join(known)}."
    )
