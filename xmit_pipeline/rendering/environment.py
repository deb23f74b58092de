"""The one definition of the Liquid that templates are written in (SPEC 5): limits, time, no file access.

`HTML` escapes what it prints, `PLAIN` (subject and text) does not. Nothing here renders; see `plain.py`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from io import StringIO
from typing import TextIO

from liquid import BoundTemplate, Environment, Node, RenderContext, TokenStream
from liquid.exceptions import LiquidSyntaxError
from liquid.output import LimitedStringIO
from liquid.tag import Tag
from liquid.token import TOKEN_EXPRESSION
from liquid.utils import ReadOnlyChainMap

from xmit_pipeline.rendering.bounds import (
    LOCALS_LIMIT,
    LOOP_LIMIT,
    OUTPUT_LIMIT,
    BoundedForTag,
    BoundedTablerowTag,
    bounded,
    bounded_join,
    bounded_replace,
)
from xmit_pipeline.rendering.dates import date_filter

_NESTING_LIMIT = 30
_UNBOUNDED = frozenset({"default", "first", "last", "size"})  # they walk nothing and make nothing


class OtherTemplateTag(Tag):
    """Stands for the tags that read other templates, and refuses them."""

    block = False

    def parse(self, stream: TokenStream) -> Node:
        token = stream.current
        if stream.peek.kind == TOKEN_EXPRESSION:
            next(stream)
        raise LiquidSyntaxError(f"'{token.value}' is not available: a template stands alone", token=token)


class TemplateEnvironment(Environment):
    """python-liquid with bounds on loops, locals and output, our `date`, and no other templates."""

    block_nesting_limit = _NESTING_LIMIT
    context_depth_limit = _NESTING_LIMIT
    loop_iteration_limit = LOOP_LIMIT
    local_namespace_limit = LOCALS_LIMIT
    output_stream_limit = OUTPUT_LIMIT

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Everything core Liquid has, bounded."""
        super().setup_tags_and_filters(extra=extra)
        self.add_tag(BoundedForTag)
        self.add_tag(BoundedTablerowTag)
        for name in ("include", "render", "extends"):
            self.tags[name] = OtherTemplateTag(self)
        self.filters |= {
            "date": date_filter,
            "replace": bounded_replace(self.filters["replace"]),
            "join": bounded_join(self.filters["join"]),
        }
        self.filters = {
            name: function if name in _UNBOUNDED else bounded(function)
            for name, function in self.filters.items()
        }


class Scope(ReadOnlyChainMap):
    """python-liquid's chain of names, which asks before it reads: most names are not in the first map."""

    def __getitem__(self, key: str) -> object:
        for names in self._maps:
            if key in names:
                return names[key]
        raise KeyError(key)


class TemplateContext(RenderContext):
    """What one render knows: a person's names, and the time it is given (with its zone; told in UTC)."""

    __slots__ = ("now",)

    def __init__(self, env: TemplateEnvironment, names: Mapping[str, object], now: datetime) -> None:
        super().__init__(BoundTemplate(env, []))
        self.globals = names  # the constructor would put a new mapping in place of an empty one
        self.now = now.astimezone(UTC)
        clock = {"now": self.now, "today": self.now.date()}
        self.scope = Scope(self.locals, self.globals, clock, self.counters)

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        """An inner buffer (`capture`) that takes what its outer one has left."""
        return new_buffer(buf.size if isinstance(buf, LimitedStringIO) else 0)


def new_buffer(written: int = 0) -> LimitedStringIO:
    """A buffer that takes what is left of the output limit and keeps line ends as they are."""
    return LimitedStringIO(OUTPUT_LIMIT - written, newline="")


HTML = TemplateEnvironment(autoescape=True)
PLAIN = TemplateEnvironment(autoescape=False)
