"""The unsubscribe link that is always there (SPEC 5): found in a template, or appended to it."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

from liquid import Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode

from xmit_pipeline.rendering.environment import HTML, PLAIN
from xmit_pipeline.rendering.syntax import LINK

_HTML_FOOTER = (
    '\n<p style="font-size:12px;text-align:center">'
    f'<a href="{{{{ {LINK} }}}}" clicktracking=off>Unsubscribe</a></p>\n'
)
_TEXT_FOOTER = f"\n\nUnsubscribe: {{{{ {LINK} }}}}\n"

_KEEPING = frozenset({"append", "default", "escape", "escape_once", "prepend", "safe", "strip"})
_DYNAMIC = "\0"
_UNSEEN = re.compile(
    r"<!--(?:-?>|.*?(?:-->|\Z))|<(script|style|title|template)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE
)
_BODY_END = re.compile(r"</body\s*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Footed:
    """A template's nodes; those from `start` up to `stop` are our footer."""

    nodes: tuple[Node, ...]
    start: int
    stop: int


def footed_text(nodes: list[Node]) -> Footed:
    """A text template with the link: its own, or a line at the end."""
    if any(_prints_link(node) for node in nodes):
        return Footed(tuple(nodes), 0, 0)
    return _joined(nodes, PLAIN.from_string(_TEXT_FOOTER).nodes, [])


def footed_html(nodes: list[Node]) -> Footed:
    """An HTML template with the link: its own, printed for everybody where it is seen, or a footer.

    The footer stands before the last `</body>` that is neither in a branch nor in a comment.
    """
    starts = list(accumulate((len(_outlined(node)) for node in nodes), initial=0))
    outline = "".join(_outlined(node) for node in nodes)
    seen = _UNSEEN.sub(lambda found: " " * len(found.group()), outline)
    if any(_prints_link(node) and seen[at] == _DYNAMIC for node, at in zip(nodes, starts, strict=False)):
        return Footed(tuple(nodes), 0, 0)
    ends = [found.start() for found in _BODY_END.finditer(seen)]
    before, after = _split(nodes, starts, ends[-1]) if ends else (nodes, [])
    return _joined(before, HTML.from_string(_HTML_FOOTER).nodes, after)


def _prints_link(node: Node) -> bool:
    if not isinstance(node, OutputNode) or not isinstance(node.expression, FilteredExpression):
        return False
    value, filters = node.expression.left, node.expression.filters or []
    return isinstance(value, Path) and value.path == [LINK] and all(f.name in _KEEPING for f in filters)


def _outlined(node: Node) -> str:
    return node.text.replace(_DYNAMIC, " ") if isinstance(node, ContentNode) else _DYNAMIC


def _split(nodes: list[Node], starts: list[int], at: int) -> tuple[list[Node], list[Node]]:
    """The nodes before and after a place of the outline, which lies in a text."""
    index = bisect_right(starts, at) - 1
    node = nodes[index]
    if not isinstance(node, ContentNode):
        return nodes, []
    head, tail = node.text[: at - starts[index]], node.text[at - starts[index] :]
    return (
        [*nodes[:index], ContentNode(node.token, head)],
        [ContentNode(node.token, tail), *nodes[index + 1 :]],
    )


def _joined(before: list[Node], footer: list[Node], after: list[Node]) -> Footed:
    return Footed((*before, *footer, *after), len(before), len(before) + len(footer))
