"""Looking at a step before people get it: a preview, and a test send (SPEC 8)."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from xmit_pipeline.api.desk import AtDesk, AtSettings, Desk
from xmit_pipeline.api.person import Person, inert_link, rendered, shown_person
from xmit_pipeline.api.shapes import ContactId, SequenceId, StepId
from xmit_pipeline.api.shapes_mail import Preview, TestSend, TestSendAnswer
from xmit_pipeline.delivery.identity import connected
from xmit_pipeline.delivery.test_send import TestMail, send_test
from xmit_pipeline.delivery.transport import Mailer
from xmit_pipeline.model.errors import NotFound
from xmit_pipeline.model.lifecycle import MessageState
from xmit_pipeline.model.settings import Settings
from xmit_pipeline.rendering.plain import RenderedMail
from xmit_pipeline.rendering.source import StepSource
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.sequences import get_sequence
from xmit_pipeline.store.steps import get_step, live_steps

router = APIRouter(prefix="/api/sequences/{sequence_id}", tags=["sequences"])

WhichStep = Annotated[StepId | None, Query(alias="stepId", description="Which step; left out: the first.")]
ForWhom = Annotated[
    ContactId | None, Query(alias="contactId", description="For whom; left out: a made-up person.")
]


@router.get("/preview")
def preview_step(
    desk: AtDesk,
    settings: AtSettings,
    sequence_id: SequenceId,
    step_id: WhichStep = None,
    contact_id: ForWhom = None,
) -> Preview:
    """A step as this contact would get it; nothing is sent, and its unsubscribe link is inert."""
    with desk.reading() as (connection, now):
        step = _step(connection, sequence_id, step_id)
        person = shown_person(connection, contact_id, settings)
    return rendered(_source(step), person, now)


@router.post("/test-send")
def send_test_mail(
    desk: AtDesk, settings: AtSettings, sequence_id: SequenceId, given: TestSend
) -> TestSendAnswer:
    """Send a step to one address, now, with `[Test]` in its subject and an unsubscribe link that is inert.

    It takes a place of the warmup day and counts in no figure. An address that must not be mailed is refused.
    """
    with desk.reading() as (connection, _):
        words = _source(_step(connection, sequence_id, given.step_id))
    return send_words(desk, settings, sequence_id, given, words)


def send_words(
    desk: Desk, settings: Settings, sequence_id: UUID, given: TestSend, words: StepSource
) -> TestSendAnswer:
    """The same with words that need not be saved."""
    with desk.reading() as (connection, now):
        _step(connection, sequence_id, given.step_id)
        person: Person = {**shown_person(connection, given.contact_id, settings)}
    if given.contact_id is None:
        person["email"] = given.to
    shown = rendered(words, person, now)
    mail = RenderedMail(shown.subject, shown.html, shown.text)
    test = TestMail(sequence_id, given.step_id, given.to, mail, inert_link(settings))
    with connected(settings) as sendgrid:
        tested = send_test(
            test,
            store=desk.store,
            changing=desk.changing,
            settings=settings,
            clock=desk.clock,
            poster=Mailer.by_clock(sendgrid, desk.clock),
        )
    status = MessageState.UNKNOWN if tested.unknown else MessageState.SENT
    return TestSendAnswer(
        id=tested.message_id, to=given.to, subject=test.subject, status=status, words=tested.words
    )


def _step(connection: Connection, sequence_id: UUID, step_id: UUID | None) -> dict[str, Any]:
    get_sequence(connection, sequence_id)
    if step_id is not None:
        return get_step(connection, sequence_id, step_id)
    steps = live_steps(connection, sequence_id)
    if not steps:
        raise NotFound("This sequence has no steps; add one first.")
    return steps[0]


def _source(step: dict[str, Any]) -> StepSource:
    return StepSource(step["subject"], step["body_html"], step["body_text"])
