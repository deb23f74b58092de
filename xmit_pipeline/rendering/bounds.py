"""Limits on what a template may spend, and the loops and filters that keep them (SPEC 5).

python-liquid bounds iterations and output by itself; here is what slips past that: a filter or a reversed
loop over a huge range, and filters that multiply text before any of it is written.
"""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from liquid import Node, RenderContext, TokenStream
from liquid.builtin.expressions import LoopExpression
from liquid.builtin.tags.for_tag import ForNode, ForTag
from liquid.builtin.tags.tablerow_tag import TablerowNode, TablerowTag
from liquid.exceptions import FilterArgumentError, LoopIterationLimitError, OutputStreamLimitError

LOOP_LIMIT = 10_000
"""Iterations of nested loops multiplied, and items that a loop or a filter may be given."""

LOCALS_LIMIT = 1_000_000
"""Bytes, as `sys.getsizeof` counts them, of everything a template assigns and captures."""

OUTPUT_LIMIT = 2_000_000
"""Bytes of UTF-8 that one subject, HTML or text may come to; also the limit of its source."""

_INTEGER_BITS = 14_000  # Python writes no integer of more than 4,300 digits

_ARRAYS = (range, list, tuple)  # a union would be built anew at each call

Filter = Callable[..., Any]


class BoundedLoop(LoopExpression):
    """A loop's header that refuses a long range before it is reversed or skipped through."""

    def evaluate(self, context: RenderContext) -> tuple[Iterator[object], int]:
        _refuse_items(self.iterable.evaluate(context))
        return super().evaluate(context)


class BoundedForTag(ForTag):
    """`for` with a bounded header."""

    def parse(self, stream: TokenStream) -> Node:
        node = super().parse(stream)
        if isinstance(node, ForNode):
            node.expression = _bounded_loop(node.expression)
        return node


class BoundedTablerowTag(TablerowTag):
    """`tablerow` with a bounded header."""

    def parse(self, stream: TokenStream) -> TablerowNode:
        node = super().parse(stream)
        node.expression = _bounded_loop(node.expression)
        return node


def bounded(function: Filter) -> Filter:
    """The same filter, which refuses arrays and results beyond the limits above."""

    @wraps(function)
    def guarded(value: object, *args: Any, **kwargs: Any) -> Any:
        _refuse_items(value)
        result = function(value, *args, **kwargs)
        if isinstance(result, str):
            _refuse_length(len(result))
        elif isinstance(result, int) and result.bit_length() > _INTEGER_BITS:
            raise FilterArgumentError("the number is too large", token=None)
        return result

    return guarded


def bounded_replace(function: Filter) -> Filter:
    """`replace`, refused before it multiplies two long strings."""

    @wraps(function)
    def guarded(value: object, *args: object, **kwargs: Any) -> Any:
        if len(args) > 1:
            _refuse_length(str(value).count(str(args[0])) * len(str(args[1])))
        return function(value, *args, **kwargs)

    return guarded


def bounded_join(function: Filter) -> Filter:
    """`join`, refused before it repeats a long separator."""

    @wraps(function)
    def guarded(value: object, *args: object, **kwargs: Any) -> Any:
        if args and isinstance(value, _ARRAYS):
            _refuse_length(len(value) * len(str(args[0])))
        return function(value, *args, **kwargs)

    return guarded


def _bounded_loop(loop: LoopExpression) -> BoundedLoop:
    return BoundedLoop(
        loop.token,
        loop.identifier,
        loop.iterable,
        limit=loop.limit,
        offset=loop.offset,
        reversed_=loop.reversed,
        cols=loop.cols,
    )


def _refuse_items(value: object) -> None:
    if isinstance(value, _ARRAYS) and len(value) > LOOP_LIMIT:
        raise LoopIterationLimitError(f"more than {LOOP_LIMIT} items", token=None)


def _refuse_length(characters: int) -> None:
    if characters > OUTPUT_LIMIT:
        raise OutputStreamLimitError(f"the text is longer than {OUTPUT_LIMIT} characters", token=None)
