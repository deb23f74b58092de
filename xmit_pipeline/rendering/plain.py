"""One person's mail in plain Liquid: previews, and whoever is rendered whole (SPEC 5)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

from liquid import Node
from liquid.exceptions import LiquidError, LiquidInterrupt

from xmit_pipeline.rendering.environment import TemplateContext, new_buffer
from xmit_pipeline.rendering.faults import RenderFault, line_of, reason_of
from xmit_pipeline.rendering.names import names_of
from xmit_pipeline.rendering.skeleton import CompiledStep, Place, Skeleton

BLANK = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
"""The characters of which a blank subject or body consists."""

LINE_BREAKS = "[\n\x0b\x0c\r\x1c\x1d\x1e\x85\u2028\u2029]+"
"""What a subject has one space for; a pattern that means the same to `re` and to polars."""


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """One mail as it is sent."""

    subject: str
    html: str
    text: str


def render_plain(step: CompiledStep, person: Mapping[str, object], *, now: datetime) -> RenderedMail:
    """One person's mail; `person` has the keys of PEOPLE. Raises RenderFault (SPEC 5)."""
    names = names_of(person)
    subject, html, text = (_rendered(skeleton, names, now) for skeleton in step.skeletons)
    for place, (_, own) in ((Place.SUBJECT, subject), (Place.HTML, html)):
        if not own.strip(BLANK):
            raise RenderFault(blank_words(place))
    return RenderedMail(one_line(subject[0]), html[0], text[0])


def render_node(node: Node, context: TemplateContext, buffer: TextIO, place: Place) -> None:
    """Writes one node; whatever goes wrong is a RenderFault with the line."""
    try:
        node.render(context, buffer)
    except LiquidInterrupt as error:
        raise RenderFault(_words(place, line_of(node.token), f"'{error}' outside of a loop")) from error
    except LiquidError as error:
        line = line_of(error.token) or line_of(node.token)
        raise RenderFault(_words(place, line, reason_of(error))) from error
    except Exception as error:
        raise RenderFault(_words(place, line_of(node.token), reason_of(error))) from error


def one_line(subject: str) -> str:
    """A subject without line breaks (SPEC 5)."""
    return re.sub(LINE_BREAKS, " ", subject)


def blank_words(place: Place) -> str:
    """The sentence for a mail that has nothing to say."""
    return f"The {place.value} came out blank."


def _rendered(skeleton: Skeleton, names: Mapping[str, object], now: datetime) -> tuple[str, str]:
    """The text, and the text without our footer."""
    context = TemplateContext(skeleton.place.env, names, now)
    buffer = new_buffer()
    ends = [0]
    for node in skeleton.nodes:
        render_node(node, context, buffer, skeleton.place)
        ends.append(buffer.tell())
    text = buffer.getvalue()
    return text, text[: ends[skeleton.start]] + text[ends[skeleton.stop] :]


def _words(place: Place, line: int | None, reason: str) -> str:
    return f"The {place.value} did not render, line {line or 1}: {reason}"
