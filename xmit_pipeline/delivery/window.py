"""From one claimed slice to finished Mail Send bodies, without a row loop over people (DESIGN 4)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import polars as pl

from xmit_pipeline.delivery.payload import (
    Letter,
    fresh_tags,
    lone_personalizations,
    personalizations,
    shared_part,
    whole_body,
)
from xmit_pipeline.model.ids import Kind, new_id, public_id
from xmit_pipeline.rendering.batch import RenderedBatch, render_batch
from xmit_pipeline.rendering.source import StepSource, compile_step
from xmit_pipeline.store.claims import Claim

LONE = {"message_id": pl.String, "request_id": pl.String}
UNRENDERED = {"message_id": pl.String, "words": pl.String}
ENCODED = {"message_id": pl.String, "personalization": pl.String}


@dataclass(frozen=True, slots=True)
class Envelope:
    """One request ready to post. Messages and enrollments stand in the order of its personalizations."""

    request_id: str
    step_id: str
    sender_id: str
    message_ids: list[str]
    enrollment_ids: list[str]
    body: bytes


@dataclass(frozen=True, slots=True)
class RenderedWindow:
    """A claimed slice, rendered and encoded, before the last look.

    `encoded`: message_id, personalization. `letters`: what each request's people share. `alone`: message_id,
    request_id (new): those who left their batch. `unrendered`: message_id, words.
    """

    encoded: pl.DataFrame
    letters: dict[str, Letter]
    alone: pl.DataFrame
    unrendered: pl.DataFrame

    def envelopes(self, ready: pl.DataFrame) -> list[Envelope]:
        """The bodies of what the last look let through (`ready`: see `LastLook`)."""
        passed = self.encoded.join(ready, on="message_id", maintain_order="left")
        grouped = passed.group_by("request_id", "step_id", "sender_id", maintain_order=True).agg(
            "message_id", "enrollment_id", "personalization"
        )
        return [
            Envelope(
                request_id,
                step_id,
                sender_id,
                message_ids,
                enrollment_ids,
                whole_body(encoded, shared_part(self.letters[request_id], _xmit_request(request_id))),
            )
            for request_id, step_id, sender_id, message_ids, enrollment_ids, encoded in grouped.iter_rows()
        ]

    def divided(self, parts: dict[str, str]) -> "RenderedWindow":
        """The same mail in new requests: `parts` gives the refused request that each new one is a part of."""
        letters = {new: self.letters[refused] for new, refused in parts.items()}
        return RenderedWindow(self.encoded, letters, self.alone.clear(), self.unrendered.clear())


def render_window(claim: Claim, now: datetime) -> RenderedWindow:
    """Render every step of a claim once, and encode everyone's personalization."""
    parts = [_render_step(claim, step, now) for step in claim.batches.unique("step_id").iter_rows(named=True)]
    return RenderedWindow(
        encoded=pl.concat([part.encoded for part in parts]),
        letters={request_id: letter for part in parts for request_id, letter in part.letters.items()},
        alone=pl.concat([part.alone for part in parts]),
        unrendered=pl.concat([part.unrendered for part in parts]),
    )


def _render_step(claim: Claim, step: dict[str, Any], now: datetime) -> RenderedWindow:
    people = claim.people.filter(pl.col("step_id") == step["step_id"])
    batches = claim.batches.filter(pl.col("step_id") == step["step_id"])
    compiled = compile_step(StepSource(step["subject"], step["body_html"], step["body_text"]))
    rendered = render_batch(compiled, people, now=now)
    tags = fresh_tags(rendered)
    filled = [tags.fill(part) for part in (rendered.subject, rendered.html, rendered.text)]
    letters = {batch["request_id"]: Letter(batch, *filled) for batch in batches.iter_rows(named=True)}
    lone, lone_letters = _render_alone(rendered, people, batches)
    return RenderedWindow(
        encoded=pl.concat([personalizations(rendered, people, tags), lone.select(*ENCODED)]),
        letters={**letters, **lone_letters},
        alone=lone.select(*LONE),
        unrendered=rendered.failed.select(*UNRENDERED),
    )


def _render_alone(
    rendered: RenderedBatch, people: pl.DataFrame, batches: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, Letter]]:
    """Requests of one message each: (message_id, request_id, personalization) and their letters."""
    lone = people.join(rendered.whole, on="message_id", maintain_order="left")
    if lone.is_empty():
        return pl.DataFrame(schema={**LONE, **ENCODED}), {}
    senders = {batch["request_id"]: batch for batch in batches.iter_rows(named=True)}
    fresh = [str(new_id()) for _ in range(lone.height)]
    letters = {
        request_id: Letter(senders[mail["request_id"]], mail["subject"], mail["html"], mail["text"])
        for request_id, mail in zip(fresh, lone.iter_rows(named=True), strict=True)
    }
    encoded = lone_personalizations(lone).with_columns(pl.Series("request_id", fresh))
    return encoded, letters


def _xmit_request(request_id: str) -> str:
    return public_id(Kind.REQUEST, UUID(request_id))
