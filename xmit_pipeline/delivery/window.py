"""From one claimed slice to finished Mail Send bodies, window by window (DESIGN 4).

What can be cut is rendered as columns, without a row loop over people. Whole mails are rendered one by one, and no more
of them are in memory than one window holds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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
from xmit_pipeline.model.errors import XmitError
from xmit_pipeline.model.ids import Kind, new_id, public_id
from xmit_pipeline.rendering.batch import CutBatch, cut_batch, whole_mails
from xmit_pipeline.rendering.faults import reason_of
from xmit_pipeline.rendering.plain import RenderedMail
from xmit_pipeline.rendering.skeleton import CompiledStep
from xmit_pipeline.rendering.source import StepSource, compile_step
from xmit_pipeline.store.claims import Claim
from xmit_pipeline.store.last_look import BEFORE

REQUESTS = 2_000
"""Requests that go on one last look at most. What objects meanwhile is heard before each post all the same; what gives
no sign (a health pause, `xmit apply`) after so many at the latest.
"""
WHOLE_BYTES = 32 * 2**20
"""Bytes of whole mails in one window, one mail more or less."""

LONE = {"message_id": pl.String, "request_id": pl.String}
UNRENDERED = {"message_id": pl.String, "words": pl.String}
ENCODED = {"message_id": pl.String, "personalization": pl.String}


@dataclass(frozen=True, slots=True)
class Envelope:
    """One request ready to post. Messages, enrollments and contacts stand in the order of its personalizations."""

    request_id: str
    step_id: str
    sender_id: str
    message_ids: list[str]
    enrollment_ids: list[str]
    contact_ids: list[str]
    personalizations: list[str]
    shared: bytes

    @property
    def body(self) -> bytes:
        """Made when it is asked for: only what is on the wire stands whole in memory."""
        xmit_request = public_id(Kind.REQUEST, UUID(self.request_id))
        return whole_body(self.personalizations, self.shared, xmit_request)


@dataclass(frozen=True, slots=True)
class RenderedWindow:
    """A part of a claimed slice, rendered and encoded, before the last look.

    `requests`: those it is made of. `encoded`: message_id, personalization. `letters`: what each request's people
    share. `alone`: message_id, request_id (new): those who leave their batch, for windows to come. `unrendered`:
    message_id, words. `before`: how its steps did in the windows before. `broken`: steps that can't be rendered at
    all, and why.
    """

    requests: list[str]
    encoded: pl.DataFrame
    letters: dict[str, bytes]
    alone: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=LONE))
    unrendered: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=UNRENDERED))
    before: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=BEFORE))
    broken: dict[str, str] = field(default_factory=dict)

    def envelopes(self, ready: pl.DataFrame) -> list[Envelope]:
        """What the last look let through (`ready`: see `LastLook`)."""
        passed = self.encoded.join(ready, on="message_id", maintain_order="left")
        grouped = passed.group_by("request_id", "step_id", "sender_id", maintain_order=True).agg(
            "message_id", "enrollment_id", "contact_id", "personalization"
        )
        return [
            Envelope(
                request_id,
                step_id,
                sender_id,
                messages,
                enrollments,
                contacts,
                encoded,
                self.letters[request_id],
            )
            for request_id, step_id, sender_id, messages, enrollments, contacts, encoded in grouped.iter_rows()
        ]

    def divided(self, parts: dict[str, str]) -> "RenderedWindow":
        """The same mail in new requests: `parts` gives the refused request that each new one is a part of."""
        letters = {new: self.letters[refused] for new, refused in parts.items()}
        return RenderedWindow(list(parts), self.encoded, letters)


@dataclass(slots=True)
class _Tally:
    """How the steps of a claim have done so far: people rendered, well or not, and those who failed."""

    rendered: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)

    def taken_over(self, step_ids: Sequence[str]) -> pl.DataFrame:
        """`RenderedWindow.before` for these steps."""
        rows = [(each, self.rendered.get(each, 0), self.failed.get(each, 0)) for each in step_ids]
        return pl.DataFrame(rows, schema=BEFORE, orient="row")

    def add(self, step_id: str, rendered: int, failed: int) -> None:
        self.rendered[step_id] = self.rendered.get(step_id, 0) + rendered
        self.failed[step_id] = self.failed.get(step_id, 0) + failed


@dataclass(frozen=True, slots=True)
class _Draft:
    """One step of a window, cut. `lone`: PEOPLE, batch_id, request_id (new), personalization: its whole mails to be."""

    step_id: str
    compiled: CompiledStep
    batches: dict[str, dict[str, Any]]
    encoded: pl.DataFrame
    letters: dict[str, bytes]
    lone: pl.DataFrame
    unrendered: pl.DataFrame


@dataclass(slots=True)
class _Pack:
    """Whole mails of one window, as they are rendered."""

    requests: list[str] = field(default_factory=list)
    encoded: list[tuple[str, str]] = field(default_factory=list)
    letters: dict[str, bytes] = field(default_factory=dict)
    failed: list[tuple[str, str]] = field(default_factory=list)
    counts: _Tally = field(default_factory=_Tally)
    size: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.requests) >= REQUESTS or self.size >= WHOLE_BYTES

    def add(self, step_id: str, person: dict[str, Any], letter: bytes | str) -> None:
        """A finished letter, or the sentence why there is none."""
        self.requests.append(person["request_id"])
        if isinstance(letter, str):
            self.failed.append((person["message_id"], letter))
        else:
            self.encoded.append((person["message_id"], person["personalization"]))
            self.letters[person["request_id"]] = letter
            self.size += len(letter)
        self.counts.add(step_id, 1, int(isinstance(letter, str)))

    def window(self, before: _Tally) -> RenderedWindow:
        return RenderedWindow(
            self.requests,
            pl.DataFrame(self.encoded, schema=ENCODED, orient="row"),
            self.letters,
            unrendered=pl.DataFrame(self.failed, schema=UNRENDERED, orient="row"),
            before=before.taken_over(list(self.counts.rendered)),
        )


def render_windows(claim: Claim, now: datetime) -> Iterator[RenderedWindow]:
    """A claim's mail: first what shares its requests, then whole mails, each in a request of its own.

    The next window is rendered when it is asked for. Every claimed request is in one of them.
    """
    tally = _Tally()
    for batches in claim.batches.iter_slices(REQUESTS):
        people = claim.people.filter(pl.col("request_id").is_in(batches["request_id"].to_list()))
        drafts, broken = _drafts(people, batches, now)
        yield _shared_window(batches, drafts, broken, tally)
        yield from _whole_windows(drafts, tally, now)


def _drafts(
    people: pl.DataFrame, batches: pl.DataFrame, now: datetime
) -> tuple[list[_Draft], dict[str, str]]:
    """Each step cut; and those that can't be, with the reason: they stop nobody else."""
    drafts: list[_Draft] = []
    broken: dict[str, str] = {}
    for (step_id,), of_step in batches.group_by("step_id", maintain_order=True):
        try:
            drafts.append(_draft(people.filter(pl.col("step_id") == step_id), of_step, now))
        except Exception as error:
            broken[str(step_id)] = str(error) if isinstance(error, XmitError) else reason_of(error)
    return drafts, broken


def _draft(people: pl.DataFrame, batches: pl.DataFrame, now: datetime) -> _Draft:
    step = batches.row(0, named=True)
    compiled = compile_step(StepSource(step["subject"], step["body_html"], step["body_text"]))
    cut = cut_batch(compiled, people, now=now)
    tags = fresh_tags(cut)
    filled = [tags.fill(part) for part in (cut.subject, cut.html, cut.text)]
    by_id = {batch["request_id"]: batch for batch in batches.iter_rows(named=True)}
    return _Draft(
        step_id=step["step_id"],
        compiled=compiled,
        batches=by_id,
        encoded=personalizations(cut, people, tags),
        letters={request_id: shared_part(Letter(batch, *filled)) for request_id, batch in by_id.items()},
        lone=_lone(cut, people),
        unrendered=cut.failed.select(*UNRENDERED),
    )


def _lone(cut: CutBatch, people: pl.DataFrame) -> pl.DataFrame:
    """`_Draft.lone` of those whom the cut leaves whole."""
    lone = people.join(cut.alone.select("message_id"), on="message_id", maintain_order="left")
    return lone.rename({"request_id": "batch_id"}).with_columns(
        lone_personalizations(lone).get_column("personalization"),
        pl.Series("request_id", [str(new_id()) for _ in range(lone.height)], pl.String),
    )


def _shared_window(
    batches: pl.DataFrame, drafts: Sequence[_Draft], broken: dict[str, str], tally: _Tally
) -> RenderedWindow:
    window = RenderedWindow(
        batches["request_id"].to_list(),
        pl.concat([pl.DataFrame(schema=ENCODED), *(draft.encoded for draft in drafts)]),
        {request_id: letter for draft in drafts for request_id, letter in draft.letters.items()},
        pl.concat([pl.DataFrame(schema=LONE), *(draft.lone.select(*LONE) for draft in drafts)]),
        pl.concat([pl.DataFrame(schema=UNRENDERED), *(draft.unrendered for draft in drafts)]),
        tally.taken_over([draft.step_id for draft in drafts]),
        broken,
    )
    for draft in drafts:
        failed = draft.unrendered.height
        tally.add(draft.step_id, draft.encoded.height + failed, failed)
    return window


def _whole_windows(drafts: Sequence[_Draft], tally: _Tally, now: datetime) -> Iterator[RenderedWindow]:
    pack = _Pack()
    for draft in drafts:
        mails = whole_mails(draft.compiled, draft.lone, now=now)
        for person, (_, mail) in zip(draft.lone.iter_rows(named=True), mails, strict=True):
            pack.add(draft.step_id, person, _letter(draft.batches[person["batch_id"]], mail))
            if pack.is_full:
                yield pack.window(tally)
                pack = _emptied(pack, tally)
    if pack.requests:
        yield pack.window(tally)
        _emptied(pack, tally)


def _letter(batch: dict[str, Any], mail: RenderedMail | str) -> bytes | str:
    if isinstance(mail, str):
        return mail
    try:
        return shared_part(Letter(batch, mail.subject, mail.html, mail.text))
    except Exception as error:
        return f"The mail can't be written down: {reason_of(error)}"


def _emptied(pack: _Pack, tally: _Tally) -> _Pack:
    for step_id, rendered in pack.counts.rendered.items():
        tally.add(step_id, rendered, pack.counts.failed[step_id])
    return _Pack()
