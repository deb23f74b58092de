"""Public ids: a prefix that names the kind, and a UUIDv7 in base32 (TypeID).

Only the edge (API, command, custom args, pages) shows them; the store keeps native UUIDs.
"""

from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from typeid import TypeID
from typeid.codecs.base32 import encode
from typeid.errors import TypeIDException

from xmit_pipeline.model.errors import NotFound


class Kind(StrEnum):
    """What an id names (SPEC 1)."""

    CONTACT = "con"
    LIST = "lst"
    DOMAIN = "dom"
    SENDER = "snd"
    TEMPLATE = "tpl"
    SEQUENCE = "seq"
    STEP = "stp"
    ENROLLMENT = "enr"
    MESSAGE = "msg"
    REQUEST = "req"
    SUPPRESSION = "sup"
    WEBHOOK = "whk"
    DELIVERY = "whd"
    AUDIT = "aud"


_NOUNS = {kind: kind.name.lower() for kind in Kind}


def new_id() -> UUID:
    """A fresh UUIDv7: ids made later sort later."""
    return UUID(int=TypeID().uuid.int)  # typeid answers a UUID class of its own


def made_at(value: UUID) -> datetime:
    """When a UUIDv7 was made, by the wall clock then."""
    return datetime.fromtimestamp((value.int >> 80) / 1000, UTC)


def public_id(kind: Kind, value: UUID) -> str:
    """`con_01h...` for a contact's UUID."""
    return str(TypeID(prefix=kind.value, suffix=encode(value.bytes)))


def parse_id(kind: Kind, text: str) -> UUID:
    """The UUID behind a public id; NotFound for an id of another kind or a malformed one (SPEC 9)."""
    try:
        parsed = TypeID.from_string(text)
    except (TypeIDException, ValueError) as error:
        raise NotFound(f"There is no {_NOUNS[kind]} {text!r}.") from error
    if parsed.prefix != kind.value:
        raise NotFound(f"There is no {_NOUNS[kind]} {text!r}: its ids begin with {kind.value}_.")
    return UUID(int=parsed.uuid.int)


def parse_known_ids(kind: Kind, texts: list[str]) -> list[UUID | None]:
    """Each text's UUID in order, None where it can't be an id of this kind."""
    return [_uuid_or_none(kind, text) for text in texts]


def _uuid_or_none(kind: Kind, text: str) -> UUID | None:
    try:
        return parse_id(kind, text)
    except NotFound:
        return None
