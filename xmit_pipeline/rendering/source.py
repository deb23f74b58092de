"""A step's templates as their author writes them: checked, and compiled for sending (SPEC 5)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from xmit_pipeline.rendering.faults import TemplateFault, reason_of
from xmit_pipeline.rendering.footer import Footed, footed_html, footed_text
from xmit_pipeline.rendering.html_text import text_template
from xmit_pipeline.rendering.skeleton import CompiledStep, Place, Skeleton, cut
from xmit_pipeline.rendering.syntax import source_faults

_CACHED_STEPS = 64


@dataclass(frozen=True, slots=True)
class StepSource:
    """Liquid of one step; text is derived from the HTML where `body_text` is None or blank."""

    subject: str
    body_html: str
    body_text: str | None


def template_faults(source: StepSource) -> list[dict[str, str]]:
    """Every fault, as `{"field": "subject" | "bodyHtml" | "bodyText", "message"}`; [] when it compiles.

    What a tick will do with the step is done here: what would stop it then is said now.
    """
    try:
        compile_step(source)
    except TemplateFault as fault:
        return fault.faults
    return []


@lru_cache(maxsize=_CACHED_STEPS)
def compile_step(source: StepSource) -> CompiledStep:
    """Parses, adds the unsubscribe link, cuts into skeleton and fragments. Raises TemplateFault."""
    faults = _syntax_faults(source)
    if faults:
        raise _fault_of(faults)
    return CompiledStep(
        subject=_made("subject", lambda: _subject(source)),
        html=_made("bodyHtml", lambda: _html(source)),
        text=_made("bodyText" if _has_text(source) else "bodyHtml", lambda: _text(source)),
    )


def _syntax_faults(source: StepSource) -> list[dict[str, str]]:
    fields = {"subject": source.subject, "bodyHtml": source.body_html}
    if _has_text(source):
        fields["bodyText"] = source.body_text or ""
    return [
        {"field": field, "message": message}
        for field, template in fields.items()
        for message in source_faults(template)
    ]


def _subject(source: StepSource) -> Skeleton:
    return cut(Place.SUBJECT, Footed(tuple(Place.SUBJECT.env.from_string(source.subject).nodes), 0, 0))


def _html(source: StepSource) -> Skeleton:
    return cut(Place.HTML, footed_html(Place.HTML.env.from_string(source.body_html).nodes))


def _text(source: StepSource) -> Skeleton:
    text = source.body_text if _has_text(source) else text_template(source.body_html)
    return cut(Place.TEXT, footed_text(Place.TEXT.env.from_string(text or "").nodes))


def _made(field: str, make: Callable[[], Skeleton]) -> Skeleton:
    """One skeleton; whatever a library stumbles over is a fault of that field."""
    try:
        return make()
    except Exception as error:
        raise _fault_of([{"field": field, "message": f"it can't be sent: {reason_of(error)}"}]) from error


def _fault_of(faults: list[dict[str, str]]) -> TemplateFault:
    told = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults)
    return TemplateFault(f"The step can't be rendered until this is corrected: {told}", faults)


def _has_text(source: StepSource) -> bool:
    return bool(source.body_text and source.body_text.strip())
