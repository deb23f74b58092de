"""The plain-text template that stands beside an HTML template where no text is given (SPEC 5).

It is made once, from the template and not from anyone's mail: Liquid goes through the HTML parser as marks,
and comes back in its old order, so what is repeated or left out in the HTML is so in the text.
"""

import re
from html.parser import HTMLParser

from liquid.exceptions import LiquidError

from xmit_pipeline.rendering.environment import PLAIN
from xmit_pipeline.rendering.lines import LineWriter
from xmit_pipeline.rendering.segments import Kind, Segment, segments

_APART = re.compile("p|h[1-6]|[uod]l|blockquote|pre")
_LINES = re.compile(
    "div|table|tr|li|d[td]|section|article|header|footer|main|nav|aside|address|center|form|figure"
)
_UNSEEN = re.compile("head|style|script|title|template")
_VOID = re.compile("area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr")
_INVISIBLE_STYLE = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_MARKUP_FILTERS = re.compile(r"\|\s*(?:escape_once|escape|newline_to_br|safe)\s*(?=\||\}\})")
_RULE = "-" * 20

Attributes = list[tuple[str, str | None]]


def text_template(html: str) -> str:
    """Liquid source of the text for an HTML template that parses; "" where nothing can be made of it.

    Where a link's address holds Liquid that can't stand apart from its tag, links keep their label alone.
    """
    for links in (True, False):
        source = _converted(html, links=links)
        try:
            PLAIN.from_string(source)
        except LiquidError:
            continue
        return source
    return ""


def _converted(html: str, *, links: bool) -> str:
    pieces = list(segments(html))
    prefix = _unused_word(html)
    marked = "".join(
        piece.source if piece.kind is Kind.TEXT else f"{prefix}{number}z"
        for number, piece in enumerate(pieces)
    )
    reader = _Reader(pieces, re.compile(rf"{prefix}(\d+)z"), links=links)
    # A tag that never ends is text: looking for its end again and again takes HTMLParser minutes.
    whole = marked.rfind(">") + 1
    reader.feed(marked[:whole] + marked[whole:].replace("<", "&lt;"))
    reader.close()
    return reader.text()


def _unused_word(html: str) -> str:
    lowered, number = html.lower(), 0
    while f"liquid{number}x" in lowered:
        number += 1
    return f"liquid{number}x"


class _Reader(HTMLParser):
    """Writes down what a reader of the HTML would see."""

    def __init__(self, pieces: list[Segment], mark: re.Pattern[str], *, links: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._pieces = pieces
        self._mark = mark
        self._links = links
        self._out = LineWriter()
        self._unseen: list[str] = []
        self._link: tuple[str, int] | None = None

    def text(self) -> str:
        """Everything read, links closed."""
        self._close_link()
        return self._out.text()

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        shown = {("a", "href"): self._links, ("img", "alt"): True}
        for word in (tag, *(f"{n} {value or ''}" for n, value in attrs if not shown.get((tag, n)))):
            self._keep_control(word)
        given = dict(attrs)
        if self._unseen or _UNSEEN.fullmatch(tag) or _INVISIBLE_STYLE.search(given.get("style") or ""):
            self._hide(tag)
        elif tag == "a":
            self._close_link()
            self._link = (given.get("href") or "", self._out.position()) if self._links else None
        elif tag == "img":
            self._write(given.get("alt") or "")
        else:
            self._open(tag)

    def handle_endtag(self, tag: str) -> None:
        self._keep_control(tag)
        if self._unseen:
            if tag == self._unseen[-1]:
                self._unseen.pop()
        elif tag == "a":
            self._close_link()
        elif tag in {"td", "th"}:
            self._out.space()
        else:
            self._break(tag)

    def handle_data(self, data: str) -> None:
        if self._unseen:
            self._keep_control(data)
        else:
            self._write(data)

    def handle_comment(self, data: str) -> None:
        self._keep_control(data)

    def handle_decl(self, decl: str) -> None:
        self._keep_control(decl)

    def handle_pi(self, data: str) -> None:
        self._keep_control(data)

    def parse_marked_section(self, i: int, report: int = 1) -> int:
        """`<![...>` is a comment to a browser; HTMLParser would raise AssertionError for words it does not know."""
        return self.parse_bogus_comment(i, bool(report))

    def _hide(self, tag: str) -> None:
        # A body ends a head that was never closed.
        if tag == "body" and self._unseen[:1] == ["head"]:
            self._unseen.clear()
        elif not _VOID.fullmatch(tag) and (not self._unseen or tag == self._unseen[-1]):
            self._unseen.append(tag)

    def _open(self, tag: str) -> None:
        self._break(tag)
        if tag == "br":
            self._out.line_break()
        elif tag == "li":
            self._out.bullet()
        elif tag == "hr":
            self._out.lines(1)
            self._out.write(_RULE)
            self._out.lines(1)

    def _break(self, tag: str) -> None:
        if _APART.fullmatch(tag):
            self._out.lines(2)
        elif _LINES.fullmatch(tag):
            self._out.lines(1)

    def _write(self, data: str) -> None:
        """Text as the HTML shows it: white space collapsed, Liquid in its place, braces of its own kept."""
        for index, part in enumerate(self._mark.split(data)):
            if index % 2 == 0:
                self._out.flow(part)
                continue
            piece = self._pieces[int(part)]
            if piece.kind is Kind.PRINT:
                self._out.write(_unmarked(piece.source))
            else:
                self._out.control(piece.source)

    def _keep_control(self, data: str) -> None:
        """Of what is not shown, the Liquid that decides about other text has to stay."""
        for number in self._mark.findall(data):
            if self._pieces[int(number)].kind is Kind.CONTROL:
                self._out.control(self._pieces[int(number)].source)

    def _close_link(self) -> None:
        if self._link is None:
            return
        (address, start), self._link = self._link, None
        if address.startswith("#") or address.lower().startswith("javascript:"):
            address = ""
        shown = self._restored(address.removeprefix("mailto:").strip())
        self._out.link(shown, since=start)

    def _restored(self, address: str) -> str:
        parts = self._mark.split(address)
        return "".join(
            self._out.literal(part) if index % 2 == 0 else self._pieces[int(part)].source
            for index, part in enumerate(parts)
        )


def _unmarked(output: str) -> str:
    return _MARKUP_FILTERS.sub("", output)
