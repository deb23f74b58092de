"""A step's templates as their author writes them: checked, and compiled for sending (SPEC 5)."""

from dataclasses import dataclass
from functools import lru_cache

from xmit_pipeline.rendering.faults import TemplateFault
from xmit_pipeline.rendering.footer import Footed, footed_html, footed_text
from xmit_pipeline.rendering.html_text import text_template
from xmit_pipeline.rendering.skeleton import CompiledStep, Place, cut
from xmit_pipeline.rendering.syntax import source_faults

_CACHED_STEPS = 64


@dataclass(frozen=True, slots=True)
class StepSource:
    """Liquid of one step; text is derived from the HTML where `body_text` is None or blank."""

    subject: str
    body_html: str
    body_text: str | None


def template_faults(source: StepSource) -> list[dict[str, str]]:
    """Every fault, as `{"field": "subject" | "bodyHtml" | "bodyText", "message"}`; [] when it compiles."""
    fields = {"subject": source.subject, "bodyHtml": source.body_html}
    if _has_text(source):
        fields["bodyText"] = source.body_text or ""
    return [
        {"field": field, "message": message}
        for field, template in fields.items()
        for message in source_faults(template)
    ]


@lru_cache(maxsize=_CACHED_STEPS)
def compile_step(source: StepSource) -> CompiledStep:
    """Parses, adds the unsubscribe link, cuts into skeleton and fragments. Raises TemplateFault."""
    faults = template_faults(source)
    if faults:
        told = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults)
        raise TemplateFault(f"The step can't be rendered until this is corrected: {told}", faults)
    text = source.body_text if _has_text(source) else text_template(source.body_html)
    subject = tuple(Place.SUBJECT.env.from_string(source.subject).nodes)
    return CompiledStep(
        subject=cut(Place.SUBJECT, Footed(subject, 0, 0)),
        html=cut(Place.HTML, footed_html(Place.HTML.env.from_string(source.body_html).nodes)),
        text=cut(Place.TEXT, footed_text(Place.TEXT.env.from_string(text or "").nodes)),
    )


def _has_text(source: StepSource) -> bool:
    return bool(source.body_text and source.body_text.strip())
