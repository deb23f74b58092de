"""Lines of plain text, put down so that Liquid between them can leave any of them out."""

import re

_WHITE = re.compile(r"[ \t\r\n\f]+")
_HARD_SPACE = "\xa0"


class LineWriter:
    """Text, with the line ends that blocks ask for.

    A line end is written before the next text or the next Liquid tag, whichever comes first: so it belongs
    to the branch that needs it, and a block left out leaves no hole.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._ended = 2  # line ends that stand at the end of what is written
        self._wanted = 0
        self._space = False
        self._bullet = ""

    def text(self) -> str:
        """All of it."""
        return "".join(self._parts)

    def position(self) -> int:
        """Where a link's label starts."""
        return len(self._parts)

    @staticmethod
    def literal(text: str) -> str:
        """Text in which no brace can open a tag."""
        return text.replace("{", "{{ '{' }}")

    def lines(self, count: int) -> None:
        """The next text starts on a new line (1), or after an empty one (2)."""
        self._wanted = max(self._wanted, count)
        self._space = False

    def line_break(self) -> None:
        """One more line end, up to an empty line."""
        self.lines(min(max(self._wanted, self._ended) + 1, 2))

    def bullet(self) -> None:
        """The next text is an item of a list."""
        self._bullet = "- "

    def space(self) -> None:
        """A space before the next text of this line."""
        self._space = True

    def flow(self, text: str) -> None:
        """Running text, its white space collapsed."""
        words = _WHITE.sub(" ", text)
        if words.startswith(" "):
            self._space = True
        if words.strip(" "):
            self.write(self.literal(words.strip(" ").replace(_HARD_SPACE, " ")))
        if words.endswith(" "):
            self._space = True

    def write(self, text: str) -> None:
        """Text as it stands."""
        self._settle()
        self._parts.append(self._bullet + text)
        self._ended, self._bullet = 0, ""

    def control(self, tag: str) -> None:
        """A Liquid tag between the text."""
        self._settle()
        self._parts.append(tag)

    def link(self, address: str, *, since: int) -> None:
        """The address behind the label written since a position; alone where the label says the same."""
        label = "".join(self._parts[since:]).strip()
        if not label and address:
            self.write(address)
        elif address and label != address:
            self._parts.append(f" ({address})")
            self._ended = 0

    def _settle(self) -> None:
        missing = self._wanted - self._ended
        if missing > 0:
            self._parts.append("\n" * missing)
            self._ended = self._wanted
        elif self._space and not self._ended and not self._bullet:
            self._parts.append(" ")
        self._wanted, self._space = 0, False
