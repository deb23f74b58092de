"""Output that needs no Liquid: a name by itself, or with a text for where it is missing."""

from typing import NamedTuple

from liquid import Node
from liquid.builtin.expressions import FilteredExpression, Path, StringLiteral
from liquid.builtin.expressions.filtered import Filter
from liquid.builtin.output import OutputNode
from liquid.stringify import to_liquid_string

_TIME = frozenset({"now", "today"})


class Printed(NamedTuple):
    """`{{ name }}`, or `{{ name | default: "fallback" }}`."""

    name: str
    fallback: str | None

    def text(self, value: object) -> str | None:
        """What a value prints as, before escaping; None where the fallback takes its place."""
        if self.fallback is not None and _is_empty(value):
            return None
        return to_liquid_string(value, autoescape=False)


def printed_by(node: Node) -> Printed | None:
    """What a node prints, where it is one of these; the time's names are not a person's."""
    if not isinstance(node, OutputNode) or not isinstance(node.expression, FilteredExpression):
        return None
    value, filters = node.expression.left, node.expression.filters or []
    if not isinstance(value, Path) or len(value.path) != 1 or len(filters) > 1:
        return None
    name, fallback = value.path[0], _fallback(filters[0]) if filters else None
    if not isinstance(name, str) or name in _TIME or (filters and fallback is None):
        return None
    return Printed(name, fallback)


def _fallback(found: Filter) -> str | None:
    literal = found.args[0].value if found.name == "default" and len(found.args) == 1 else None
    return literal.value if isinstance(literal, StringLiteral) else None


def _is_empty(value: object) -> bool:
    # As the `default` filter has it: a zero is a value.
    return value is None or value is False or (isinstance(value, str | list | dict) and not value)
