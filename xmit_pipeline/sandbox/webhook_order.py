"""Where event batches go and how badly: what a test or a demo asks of the webhook. Decides, does not post."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from xmit_pipeline.model.settings import is_loopback
from xmit_pipeline.sandbox.people import Rate
from xmit_pipeline.sandbox.people_dice import Dice
from xmit_pipeline.sandbox.validation.shape import JsonObject

DAY = 86_400.0


def _at_home(url: str) -> str:
    if not url.startswith(("http://", "https://")) or not is_loopback(url):
        raise ValueError(
            "has to be an address of this machine, such as http://127.0.0.1:8000/webhooks/sendgrid"
        )
    return url


class WebhookOrder(BaseModel):
    """The body of `POST /_sandbox/webhook`; no `url` means that no webhook is configured and events are lost.

    `duplicate` and `late` are shares of the events: posted a second time (with another id where `fresh_ids`),
    and not before `late_seconds` of the events' own time have passed. `retry_seconds`: how long a batch that is not
    answered 2xx is posted again; SendGrid does so for a day.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, AfterValidator(_at_home)] | None = None
    duplicate: Rate = 0.0
    fresh_ids: bool = False
    shuffle: bool = False
    late: Rate = 0.0
    late_seconds: float = Field(default=3600, ge=0)
    batch_bytes: int = Field(default=768 * 1024, ge=1)
    parallel: int = Field(default=4, ge=1, le=32)
    retry_seconds: float = Field(default=20, ge=0, le=DAY)


@dataclass(slots=True)
class Outgoing:
    """Events on their way to the webhook: holds back the late ones, repeats and mixes as ordered."""

    _held: list[tuple[float, JsonObject]] = field(default_factory=list[tuple[float, JsonObject]])

    def batches(
        self, order: WebhookOrder, events: Sequence[JsonObject], seed: int, until: float
    ) -> list[bytes]:
        """What is to be posted at `until` (Unix seconds), as bodies in SendGrid's form."""
        due: list[JsonObject] = []
        for event in events:
            release = event["timestamp"] + order.late_seconds
            if release > until and Dice(f"{seed}/{event['sg_event_id']}").chance("late", order.late):
                self._held.append((release, event))
            else:
                due.append(event)
        due += [event for release, event in self._held if release <= until]
        self._held = [held for held in self._held if held[0] > until]
        due += list(_repeated(order, due, seed))
        if order.shuffle:
            Random(f"{seed}/{until}").shuffle(due)  # noqa: S311  needs to repeat, not to be secret
        return list(_bodies(due, order.batch_bytes))


def _repeated(order: WebhookOrder, events: Sequence[JsonObject], seed: int) -> Iterator[JsonObject]:
    for event in events:
        if Dice(f"{seed}/{event['sg_event_id']}").chance("duplicate", order.duplicate):
            again = {"sg_event_id": f"{event['sg_event_id']}-again"} if order.fresh_ids else {}
            yield event | again


def _bodies(events: Sequence[JsonObject], most: int) -> Iterator[bytes]:
    """JSON arrays of at most `most` bytes (but at least one event), with SendGrid's line ends (CR LF)."""
    lines: list[bytes] = []
    size = 0
    for event in events:
        line = orjson.dumps(event)
        if lines and size + len(line) + 3 > most - 4:
            yield _body(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line) + 3
    if lines:
        yield _body(lines)


def _body(lines: list[bytes]) -> bytes:
    return b"[" + b",\r\n".join(lines) + b"]\r\n"


def shown(order: WebhookOrder, public_key: str) -> dict[str, Any]:
    """The order in force and the key that verifies its batches."""
    return {**order.model_dump(), "public_key": public_key}
