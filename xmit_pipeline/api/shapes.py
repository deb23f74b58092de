"""What all JSON shapes share: camelCase names, public ids, and the texts that may come in."""

import math
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel
from pydantic.annotated_handlers import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from xmit_pipeline.api.words import explain
from xmit_pipeline.model.addresses import ADDRESS_LENGTH, ADDRESS_PATTERN, address_fault, fold_address
from xmit_pipeline.model.errors import NotFound
from xmit_pipeline.model.ids import Kind, parse_id, public_id

LONGEST_NAME = 200
MOST_AT_ONCE = 10_000
"""Contacts that one call takes (SPEC 3, 8)."""

MOST_IN_BULK = 1000
"""Contacts that one call makes and answers whole."""

DEEPEST_METADATA = 32
_EXAMPLE = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
_LONGEST_ID = 100
_SMALLEST_INTEGER, _LARGEST_INTEGER = -(2**63), 2**64 - 1


class Shape(BaseModel):
    """One JSON object; fields are camelCase outside and snake_case inside, as the store's rows are."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, json_schema_extra=explain)


class Given(Shape):
    """A body that a client sends: camelCase alone; fields that mean nothing are passed over."""

    model_config = ConfigDict(populate_by_name=False)


class Success(Shape):
    """The answer to changes and deletes."""

    success: bool = True


@dataclass(frozen=True, slots=True)
class PublicId:
    """Marks a UUID that is a TypeID of this kind outside. NotFound for an id of another kind (SPEC 9)."""

    kind: Kind

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.read,
            serialization=core_schema.plain_serializer_function_ser_schema(self.written, when_used="json"),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        noun = self.kind.name.lower()
        article = "an" if noun[0] in "aeiou" else "a"
        return {
            "type": "string",
            "description": f"The id of {article} {noun}; it begins with `{self.kind}_`.",
            "examples": [public_id(self.kind, _EXAMPLE)],
        }

    def read(self, value: object) -> UUID:
        """The UUID behind a text; rows bring theirs along."""
        if isinstance(value, UUID):
            return value
        if not isinstance(value, str):
            raise ValueError(f"An id is a text that begins with {self.kind}_.")  # noqa: TRY004  (pydantic's way)
        if len(value) > _LONGEST_ID:
            raise NotFound(f"There is no {self.kind.name.lower()} with so long an id.")
        return parse_id(self.kind, value)

    def written(self, value: UUID) -> str:
        """The text for a UUID."""
        return public_id(self.kind, value)


ContactId = Annotated[UUID, PublicId(Kind.CONTACT)]
ListId = Annotated[UUID, PublicId(Kind.LIST)]
DomainId = Annotated[UUID, PublicId(Kind.DOMAIN)]
SenderId = Annotated[UUID, PublicId(Kind.SENDER)]
TemplateId = Annotated[UUID, PublicId(Kind.TEMPLATE)]
SequenceId = Annotated[UUID, PublicId(Kind.SEQUENCE)]
StepId = Annotated[UUID, PublicId(Kind.STEP)]
EnrollmentId = Annotated[UUID, PublicId(Kind.ENROLLMENT)]
MessageId = Annotated[UUID, PublicId(Kind.MESSAGE)]
RequestId = Annotated[UUID, PublicId(Kind.REQUEST)]
SuppressionId = Annotated[UUID, PublicId(Kind.SUPPRESSION)]
AuditId = Annotated[UUID, PublicId(Kind.AUDIT)]


def whole(text: str) -> str:
    """A text without a NUL, which neither mail nor SQL can carry."""
    if "\0" in text:
        raise ValueError("A text can't hold a NUL character.")
    return text


def one_line(text: str) -> str:
    """A text without line breaks and other control characters."""
    if any(ord(letter) < ord(" ") or letter in "\x7f\u2028\u2029" for letter in text):
        raise ValueError("A name is one line without control characters.")
    return text


def folded(text: str) -> str:
    """An address in its folded form; refused with its fault."""
    fault = address_fault(text)
    if fault:
        raise ValueError(fault)
    return fold_address(text)


def not_null(value: object) -> object:
    """Refuses a null that was given; a field left out is never asked."""
    if value is None:
        raise ValueError("It can't be null; leave it out to keep it.")
    return value


class _NotNull:
    """Marks a field of a change that may be left out, but not be null."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(not_null, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        found = handler(schema)
        kinds = [kind for kind in found.pop("anyOf", []) if kind != {"type": "null"}]
        return {**found, **(kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {})}


NotNull = _NotNull()


def blank_is_none(text: str | None) -> str | None:
    """None for a text of nothing."""
    return text or None


def storable(value: object) -> object:
    """Metadata that JSON, DuckDB and Liquid all carry alike: an object, not too deep, with plain numbers."""
    if not isinstance(value, dict):
        raise ValueError("It must be a JSON object.")  # noqa: TRY004  (pydantic's way)
    pending: list[tuple[object, int]] = [(value, 1)]
    while pending:
        part, depth = pending.pop()
        if depth > DEEPEST_METADATA:
            raise ValueError(f"It is nested more than {DEEPEST_METADATA} levels deep.")
        if isinstance(part, dict):
            pending += [(inner, depth + 1) for pair in part.items() for inner in pair]
        elif isinstance(part, list):
            pending += [(inner, depth + 1) for inner in part]
        else:
            _storable_leaf(part)
    return value


def _storable_leaf(part: object) -> None:
    if isinstance(part, str):
        try:
            whole(part).encode()
        except UnicodeEncodeError as error:
            raise ValueError("It holds a lone surrogate, which is no character.") from error
    elif isinstance(part, float) and not math.isfinite(part):
        raise ValueError("It holds a number that is not finite.")
    elif isinstance(part, int) and not _SMALLEST_INTEGER <= part <= _LARGEST_INTEGER:
        raise ValueError("It holds an integer of more than 64 bits; give it as a text.")


def said(pattern: str) -> Any:
    """Says in the reference which texts are taken; the validator beside it is what decides."""
    return Field(json_schema_extra={"pattern": pattern})


_CONTROL = r"\u0000-\u001f\u007f\u2028\u2029"
_BLANK = r"\s\u0085\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"

Text = Annotated[str, AfterValidator(whole), said(r"^[^\u0000]*$")]
Liquid = Annotated[str, AfterValidator(whole), said(f"^[^\\u0000]*[^\\u0000{_BLANK}][^\\u0000]*$")]
"""A template's text; that it is not blank, and parses, the store finds."""
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME),
    AfterValidator(one_line),
    said(f"^[^{_CONTROL}]*[^{_BLANK}{_CONTROL}][^{_CONTROL}]*$"),
]
Label = Annotated[
    Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=LONGEST_NAME),
        AfterValidator(one_line),
        said(f"^[^{_CONTROL}]*$"),
    ]
    | None,
    AfterValidator(blank_is_none),
]
"""A name that may be missing; a blank one is."""

Address = Annotated[
    str,
    AfterValidator(folded),
    Field(json_schema_extra={"pattern": f"^{ADDRESS_PATTERN}$", "maxLength": ADDRESS_LENGTH}),
]
Metadata = Annotated[dict[str, Any], BeforeValidator(storable)]


def _parsed(kept: object) -> object:
    return orjson.loads(kept) if isinstance(kept, str) else kept


Document = Annotated[dict[str, Any], BeforeValidator(_parsed)]
"""A JSON object that the store keeps as text."""
