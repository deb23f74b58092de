"""A step's subject as somebody reads it: Liquid is for those who write it."""

from functools import lru_cache

from xmit_pipeline.api.person import MADE_UP, Person, rendered
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.rendering.source import StepSource

ANY_BODY = "<p>.</p>"
NO_LINK = {"unsubscribe_url": ""}


@lru_cache(maxsize=512)
def subject_read(subject: str) -> str:
    """As the made-up person of the previews gets it; as it is written where it can't be rendered."""
    return subject_for(subject, MADE_UP)


def subject_for(subject: str, person: Person) -> str:
    """As this person would get it today."""
    if "{" not in subject:
        return subject
    try:
        source = StepSource(subject, ANY_BODY, None)
        return rendered(source, {**person, **NO_LINK}, WallClock().now()).subject
    except BadInput:
        return subject
