"""What a reader gets from an HTML body without showing it: its words and its links."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

from xmit_pipeline.sandbox.mail import Mail

_SILENT = frozenset({"script", "style", "title"})
_SAFE_SCHEMES = ("http://", "https://", "mailto:")


@dataclass(slots=True)
class Link:
    """A link of a mail: where it goes, and the words that are clicked."""

    href: str
    words: str = ""
    untracked: bool = False

    @property
    def is_tracked(self) -> bool:
        """Whether SendGrid would count its clicks: a web address without `clicktracking="off"`."""
        return not self.untracked and self.href.lower().startswith(("http://", "https://"))

    @property
    def is_safe(self) -> bool:
        """Whether it may be offered to click: never a `javascript:` or `data:` address."""
        return self.href.lower().startswith(_SAFE_SCHEMES)


@dataclass(slots=True)
class _Seen:
    words: list[str] = field(default_factory=list[str])
    links: list[Link] = field(default_factory=list[Link])


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen = _Seen()
        self._silent = 0
        self._open: Link | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        if tag == "a" and (href := dict(attrs).get("href")):
            untracked = (dict(attrs).get("clicktracking") or "").lower() == "off"
            self._open = Link(href.strip(), untracked=untracked)
            self.seen.links.append(self._open)

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT and self._silent:
            self._silent -= 1
        if tag == "a":
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        self.seen.words.extend(data.split())
        if self._open is not None:
            self._open.words = f"{self._open.words} {data.strip()}".strip()


def _read(html: str) -> _Seen:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.seen


def links(mail: Mail) -> list[Link]:
    """The links of the HTML body in order, each address once."""
    first: dict[str, Link] = {}
    for link in _read(mail.html or "").links:
        first.setdefault(link.href, link)
    return list(first.values())


def snippet(mail: Mail, length: int = 120) -> str:
    """The first words of the body, as an inbox shows them."""
    words = mail.text.split() if mail.text is not None else _read(mail.html or "").words
    return " ".join(words[:length])[:length]
