"""What can go wrong with a template, in words; not where it is found (`syntax.py`, `plain.py`)."""

from liquid import Token
from liquid.exceptions import LiquidError

from xmit_pipeline.model.errors import BadInput, XmitError


class TemplateFault(BadInput):
    """A step's subject or body can't be compiled; `faults` names each fault (SPEC 5, SPEC 9)."""


class RenderFault(XmitError):
    """One person's mail can't be made; the text is the sentence kept beside the skipped message (SPEC 5)."""


def line_of(token: Token | None) -> int | None:
    """Line of a token in its own template, from 1; None where python-liquid names no place."""
    if token is None or token.start_index < 0:
        return None
    return token.source.count("\n", 0, token.start_index) + 1


def reason_of(error: Exception) -> str:
    """python-liquid's words without its picture of the source; other errors with their kind."""
    if isinstance(error, LiquidError):
        return str(error.message)
    return f"{type(error).__name__}: {error}"
