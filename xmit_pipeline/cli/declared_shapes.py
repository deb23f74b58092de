"""What a file for `xmit apply` may hold: the same rules for names, texts and numbers as the API's.

An unknown key is a fault, as a slip of the keyboard must not pass for "leave it as it is".
"""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt
from pydantic.alias_generators import to_camel

from xmit_pipeline.api.shapes import Address, Label, Name, Text, not_null
from xmit_pipeline.api.shapes_sending import LONGEST_TABLE, DayLimit, Factor, TableLimit, domain_name
from xmit_pipeline.api.shapes_sequences import LARGEST_PRIORITY, LONGEST_RESUME, trigger_name
from xmit_pipeline.model.delays import DelayUnit, delay_minutes, parse_unit
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.model.lifecycle import SequenceStatus, TriggerType

_DELAY = re.compile(r"(\d{1,9}) +(\w+)")


def _delay(value: object) -> object:
    if value == 0 and not isinstance(value, bool):
        return (0, DelayUnit.DAYS)
    match = _DELAY.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("A delay reads like 2 days, 1 hour or 30 minutes; 0 is at once.")
    try:
        amount, unit = int(match[1]), parse_unit(match[2])
        delay_minutes(amount, unit)
    except BadInput as error:
        raise ValueError(str(error)) from error
    return (amount, unit)


NotNull = AfterValidator(not_null)
Flag = Annotated[StrictBool | None, NotNull]
Delay = Annotated[tuple[int, DelayUnit], BeforeValidator(_delay)]


class Shape(BaseModel):
    """One mapping of the file; its keys are camelCase, as in the API."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")
    key: ClassVar[str] = "name"
    """The field that tells one from another."""


class WarmupShape(Shape):
    """A domain's warmup (SPEC 4)."""

    enabled: Flag = None
    start: Annotated[DayLimit | None, NotNull] = None
    factor: Annotated[Factor | None, NotNull] = None
    target: Annotated[DayLimit | None, NotNull] = None
    table: Annotated[list[TableLimit] | None, Field(max_length=LONGEST_TABLE)] = None
    pacing: Flag = None
    hold_target: Flag = None


class DomainShape(Shape):
    """A sending domain."""

    name: Annotated[str, AfterValidator(domain_name)]
    verified: Flag = None
    warmup: Annotated[WarmupShape | None, NotNull] = None


class SenderShape(Shape):
    """A From address; its domain is the address's."""

    key: ClassVar[str] = "email"

    email: Address
    name: Label = None
    reply_to: Address | None = None
    default: Annotated[Literal[True] | None, NotNull] = None


class ListShape(Shape):
    """A list; its members are not the file's."""

    name: Name
    renamed_from: Name | None = None
    description: Label = None


class StepShape(Shape):
    """One e-mail; its bodies stand here or in files beside this one."""

    name: Name
    renamed_from: Name | None = None
    delay: Delay = (0, DelayUnit.DAYS)
    sender: Address | None = None
    subject: Text
    body_html: Annotated[Text | None, NotNull] = None
    body_file: Annotated[Text | None, NotNull] = None
    body_text: Text | None = None
    body_text_file: Annotated[Text | None, NotNull] = None


class SequenceShape(Shape):
    """A sequence; `steps` are all of its steps, in order."""

    name: Name
    renamed_from: Name | None = None
    status: Annotated[SequenceStatus | None, NotNull] = None
    trigger_type: Annotated[TriggerType | None, BeforeValidator(trigger_name), NotNull] = None
    trigger_list: Name | None = None
    sender: Address | None = None
    enroll_existing: Flag = None
    reenroll: Flag = None
    priority: Annotated[Annotated[StrictInt, Field(ge=0, le=LARGEST_PRIORITY)] | None, NotNull] = None
    resume_window_minutes: Annotated[Annotated[StrictInt, Field(ge=0, le=LONGEST_RESUME)] | None, NotNull] = (
        None
    )
    steps: Annotated[list[StepShape] | None, NotNull] = None


def _nothing(value: object) -> object:
    return [] if value is None else value


class FileShape(Shape):
    """The whole file."""

    domains: Annotated[list[DomainShape], BeforeValidator(_nothing)] = []
    senders: Annotated[list[SenderShape], BeforeValidator(_nothing)] = []
    lists: Annotated[list[ListShape], BeforeValidator(_nothing)] = []
    sequences: Annotated[list[SequenceShape], BeforeValidator(_nothing)] = []


KEYS = {
    key: tuple(to_camel(name) for name in shape.model_fields)
    for key, shape in {
        "": FileShape,
        "domains": DomainShape,
        "warmup": WarmupShape,
        "senders": SenderShape,
        "lists": ListShape,
        "sequences": SequenceShape,
        "steps": StepShape,
    }.items()
}
"""The keys that may stand below each key."""
