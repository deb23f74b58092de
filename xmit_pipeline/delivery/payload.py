"""Mail Send bodies (SendGrid, POST /v3/mail/send): one personalization a person, the shared skeleton once.

Tags carry a random part made after the people's data was read, so no value can hold one; a check makes sure.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import polars as pl

from xmit_pipeline.rendering.batch import CutBatch

ONE_CLICK = {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
TRACKING = {
    "click_tracking": {"enable": True, "enable_text": False},
    "open_tracking": {"enable": True},
    "subscription_tracking": {"enable": False},
}


@dataclass(frozen=True, slots=True)
class Letter:
    """What everyone in a request shares, but for the request's own id; `batch`: from_email, from_name, reply_to."""

    batch: Mapping[str, Any]
    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Tags:
    """Substitution tags of one rendered step: `-<nonce>-0-`, `-<nonce>-1-`, ..."""

    nonce: str

    def of(self, fragment: int) -> str:
        return f"-{self.nonce}-{fragment}-"

    def fill(self, parts: tuple[str | int, ...]) -> str:
        """The skeleton's text with a tag in each fragment's place."""
        return "".join(part if isinstance(part, str) else self.of(part) for part in parts)


def fresh_tags(rendered: CutBatch) -> Tags:
    """Tags that stand in no value and in no static text."""
    columns = [name for name in rendered.fragments.columns if name != "message_id"]
    static = "".join(
        part
        for parts in (rendered.subject, rendered.html, rendered.text)
        for part in parts
        if isinstance(part, str)
    )
    while True:
        nonce = secrets.token_hex(6)
        held = rendered.fragments.select(
            pl.any_horizontal(
                pl.lit(value=False), *(pl.col(name).str.contains(nonce, literal=True) for name in columns)
            ).any()
        ).item()
        if not held and nonce not in static:
            return Tags(nonce)


def personalizations(rendered: CutBatch, people: pl.DataFrame, tags: Tags) -> pl.DataFrame:
    """message_id, personalization (JSON text): everyone who shares the skeleton."""
    names = [name for name in rendered.fragments.columns if name != "message_id"]
    fields = _addressed()
    if names:
        values = [pl.col(name).alias(tags.of(int(name[1:]))) for name in names]
        fields.append(pl.struct(values).alias("substitutions"))
    return people.join(rendered.fragments, on="message_id", maintain_order="left").select(
        "message_id", pl.struct(fields).struct.json_encode().alias("personalization")
    )


def lone_personalizations(people: pl.DataFrame) -> pl.DataFrame:
    """message_id, personalization (JSON text): those whose mail is rendered whole."""
    return people.select("message_id", pl.struct(_addressed()).struct.json_encode().alias("personalization"))


def shared_part(letter: Letter) -> bytes:
    """The body without its personalizations and the request's id: what everyone in the request shares."""
    batch = letter.batch
    body: dict[str, Any] = {
        "from": _mailbox(batch["from_email"], batch["from_name"]),
        "subject": letter.subject,
        "content": [
            {"type": "text/plain", "value": letter.text},
            {"type": "text/html", "value": letter.html},
        ],
        "headers": ONE_CLICK,
        "tracking_settings": TRACKING,
    }
    if batch["reply_to"]:
        body["reply_to"] = _mailbox(batch["reply_to"], None)
    return orjson.dumps(body)


def whole_body(personalizations_json: list[str], shared: bytes, xmit_request: str) -> bytes:
    """A finished body: the personalizations and the request's public id set in front of the shared part."""
    people, args = ",".join(personalizations_json), orjson.dumps({"xmit_request": xmit_request})
    return b"".join((b'{"personalizations":[', people.encode(), b'],"custom_args":', args, b",", shared[1:]))


def _addressed() -> list[pl.Expr]:
    return [
        pl.concat_list(pl.struct(pl.col("email"))).alias("to"),
        pl.struct(pl.format("<{}>", pl.col("unsubscribe_url")).alias("List-Unsubscribe")).alias("headers"),
        pl.struct(pl.col("xmit_message")).alias("custom_args"),
    ]


def _mailbox(email: str, name: str | None) -> dict[str, str]:
    return {"email": email, "name": name} if name else {"email": email}
