"""Every fault of one template's source, found without rendering it (SPEC 5, SPEC 9)."""

from collections.abc import Callable

from liquid import BoundTemplate, Node, Token, TokenStream
from liquid.exceptions import LiquidError

from xmit_pipeline.rendering.bounds import OUTPUT_LIMIT
from xmit_pipeline.rendering.environment import TemplateEnvironment
from xmit_pipeline.rendering.faults import line_of, reason_of

LINK = "unsubscribe_url"

_CLOSERS = ("unexpected tag 'end", "unexpected tag 'els", "unexpected tag 'when")
_TOO_DEEP = "it is nested too deep"


class _LenientEnvironment(TemplateEnvironment):
    """Goes on after a fault and keeps it; one that python-liquid places nowhere belongs to the open tag."""

    def __init__(self) -> None:
        self.faults: list[LiquidError] = []
        self._open: list[Token] = []
        super().__init__()
        for tag in self.tags.values():
            vars(tag)["get_node"] = self._tracked(tag.get_node)

    def error(
        self, exc: type[LiquidError] | LiquidError, msg: str | None = None, token: Token | None = None
    ) -> None:
        try:
            super().error(exc, msg, token)
        except LiquidError as fault:
            if line_of(fault.token) is None and self._open:
                fault.token = self._open[-1]
            self.faults.append(fault)

    def _tracked(self, get_node: Callable[[TokenStream], Node]) -> Callable[[TokenStream], Node]:
        def tracked(stream: TokenStream) -> Node:
            self._open.append(stream.current)
            try:
                return get_node(stream)
            finally:
                self._open.pop()

        return tracked


def source_faults(source: str) -> list[str]:
    """What is wrong with a template, a sentence each, with the line where there is one; [] when fine."""
    if not source.strip():
        return ["it is blank"]
    try:
        size = len(source.encode())
    except UnicodeEncodeError as fault:
        return [_at(_line(source, fault.start), "a lone surrogate can't be written as UTF-8")]
    if size > OUTPUT_LIMIT:
        return [f"it is {size} bytes long; the limit is {OUTPUT_LIMIT}"]
    return _liquid_faults(source)


def _liquid_faults(source: str) -> list[str]:
    env = _LenientEnvironment()
    try:
        template = env.from_string(source)
    except LiquidError as fault:
        return _worded([*env.faults, fault])
    try:
        return _worded(env.faults) if env.faults else _name_faults(template, source)
    except RecursionError:
        return [_at(1, _TOO_DEEP)]


def _worded(faults: list[LiquidError]) -> list[str]:
    told = [(line_of(fault.token) or 1, _reason(fault)) for fault in faults]
    # A block that does not open leaves its closing tags over: they are no faults of their own.
    kept = [told[0], *(fault for fault in told[1:] if not fault[1].startswith(_CLOSERS))]
    return [_at(line, reason) for line, reason in sorted(dict.fromkeys(kept))]


def _reason(fault: LiquidError) -> str:
    if isinstance(fault.__cause__, RecursionError):
        return _TOO_DEEP
    return reason_of(fault).replace("end of expression", "the end")


def _name_faults(template: BoundTemplate, source: str) -> list[str]:
    found = template.analyze(include_partials=False)
    unknown = [
        (_line(source, span.index), f"unknown filter '{name}'")
        for name, spans in found.filters.items()
        if name not in template.env.filters
        for span in spans
    ]
    taken = [
        (_line(source, variable.span.index), f"'{LINK}' is the unsubscribe link; assign to another name")
        for variable in found.locals.get(LINK, [])
    ]
    return [_at(line, reason) for line, reason in sorted(unknown + taken)]


def _line(source: str, index: int) -> int:
    return source.count("\n", 0, index) + 1


def _at(line: int, reason: str) -> str:
    return f"line {line}: {reason}"
