"""A step compiled once: its three templates cut into static text and fragments (DESIGN 4).

A fragment is one top-level Liquid node whose text differs from person to person. Cutting is sound only
where no node leaves anything behind for a later one; a template that does is `carried`, and rendered whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from liquid import BoundTemplate, Expression, Node, RenderContext
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import LoopExpression, Path, StringLiteral
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.comment_tag import CommentNode
from liquid.builtin.tags.doc_tag import DocNode
from liquid.builtin.tags.for_tag import ForNode
from liquid.static_analysis import TemplateAnalysis
from liquid.token import TOKEN_OUTPUT

from xmit_pipeline.rendering.environment import HTML, PLAIN, TemplateEnvironment
from xmit_pipeline.rendering.footer import Footed
from xmit_pipeline.rendering.printed import Printed, printed_by

_STATEFUL_TAGS = frozenset({"cycle", "ifchanged"})


class Place(Enum):
    """Where a text stands in a mail, by the name people know it under."""

    SUBJECT = "subject"
    HTML = "HTML body"
    TEXT = "text body"

    @property
    def env(self) -> TemplateEnvironment:
        """HTML is escaped, subject and text are not."""
        return HTML if self is Place.HTML else PLAIN


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece that depends on `roots`, the top-level names it reads; equal where place and source are."""

    place: Place
    source: str
    roots: tuple[str, ...]
    printed: Printed | None
    node: Node = field(compare=False)


@dataclass(frozen=True, slots=True)
class Skeleton:
    """One template: `parts` stands beside `nodes`, those from `start` up to `stop` are the footer."""

    place: Place
    nodes: tuple[Node, ...]
    parts: tuple[str | Fragment, ...]
    start: int
    stop: int
    carried: bool

    @property
    def own_parts(self) -> tuple[str | Fragment, ...]:
        """The parts its author wrote."""
        return self.parts[: self.start] + self.parts[self.stop :]


@dataclass(frozen=True, slots=True)
class CompiledStep:
    """What `render_batch` and `render_plain` take; made by `source.compile_step`."""

    subject: Skeleton
    html: Skeleton
    text: Skeleton

    @property
    def skeletons(self) -> tuple[Skeleton, Skeleton, Skeleton]:
        """In the order in which a mail is rendered, and its first fault told."""
        return (self.subject, self.html, self.text)

    @property
    def carried(self) -> bool:
        """Everybody's mail is rendered whole."""
        return any(skeleton.carried for skeleton in self.skeletons)

    @property
    def fragments(self) -> tuple[Fragment, ...]:
        """Each different one, in the order in which a mail is rendered."""
        found = (part for skeleton in self.skeletons for part in skeleton.parts if not isinstance(part, str))
        return tuple(dict.fromkeys(found))


def cut(place: Place, footed: Footed) -> Skeleton:
    """The skeleton of one parsed template."""
    carried = any(_carries(place, node) for node in footed.nodes)
    parts = () if carried else tuple(_part(place, index, node) for index, node in enumerate(footed.nodes))
    return Skeleton(place, footed.nodes, parts, footed.start, footed.stop, carried)


def _part(place: Place, index: int, node: Node) -> str | Fragment:
    if isinstance(node, ContentNode):
        return node.text
    if isinstance(node, CommentNode | DocNode):
        return ""
    roots = _roots(place, node)
    printed = printed_by(node)
    if printed is not None:
        return Fragment(place, "", roots, printed, node)
    shared = isinstance(node, OutputNode) and node.token.kind == TOKEN_OUTPUT
    source = node.token.value if shared else f"{place.name} node {index}"
    return Fragment(place, source, roots, None, node)


def _roots(place: Place, node: Node) -> tuple[str, ...]:
    found = _analysis(place, node)
    # python-liquid counts the `else` of a loop as inside it, but it reads the person's own names.
    has_else = any(isinstance(each, ForNode) and each.default for each in _nodes(place, node))
    return tuple(sorted(found.variables if has_else else found.globals))


def _carries(place: Place, node: Node) -> bool:
    """Whether a node leaves something for later ones, or reads names that only the render knows."""
    found = _analysis(place, node)
    if found.locals or _STATEFUL_TAGS & set(found.tags):
        return True
    expressions = (
        below for each in _nodes(place, node) for top in each.expressions() for below in _below(top)
    )
    return any(_continues(expression) or _has_dynamic_root(expression) for expression in expressions)


def _continues(expression: Expression) -> bool:
    # `offset: "continue"` in quotes means the same to python-liquid.
    offset = expression.offset if isinstance(expression, LoopExpression) else None
    return isinstance(offset, StringLiteral) and offset.value == "continue"


def _has_dynamic_root(expression: Expression) -> bool:
    return isinstance(expression, Path) and not isinstance(expression.path[0], str)


def _analysis(place: Place, node: Node) -> TemplateAnalysis:
    return BoundTemplate(place.env, [node]).analyze(include_partials=False)


def _nodes(place: Place, node: Node) -> Iterator[Node]:
    yield node
    for child in node.children(RenderContext(BoundTemplate(place.env, [])), include_partials=False):
        yield from _nodes(place, child)


def _below(expression: Expression) -> Iterator[Expression]:
    yield expression
    for child in expression.children():
        yield from _below(child)
