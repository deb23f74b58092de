"""A multipart form that is too large to hold: its parts as they arrive, each piece handed on at once."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from xmit_pipeline.model.errors import BadInput

LONGEST_HEAD = 16_384
"""Bytes of a part's own headers."""

_BOUNDARY = re.compile(r'boundary="?([^";,]{1,200})"?')
_PARAMETER = re.compile(r'(name|filename)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Part:
    """A part begins: a field, or, where `filename` is not None, a file."""

    name: str
    filename: str | None


Piece = Part | bytes
"""A part's beginning, or the next bytes of the part that began last."""


class Multipart:
    """Takes a body in by pieces of any size; `done` once its last boundary has come."""

    def __init__(self, content_type: str) -> None:
        found = _BOUNDARY.search(content_type)
        if found is None:
            raise BadInput("This form can't be read; send it again from its page.")
        self._edge = b"\r\n--" + found[1].encode("latin-1")
        self._held = b"\r\n"
        self._inside = False
        self.done = False

    def feed(self, data: bytes) -> Iterator[Piece]:
        """What is complete by now. BadInput where it is no multipart form."""
        self._held += data
        while not self.done:
            before, edge, rest = self._held.partition(self._edge)
            if self._inside:
                yield from self._content(before, whole=bool(edge))
            if not edge:
                self._held = before if not self._inside else before[-len(self._edge) :]
                return
            if not self._begins(rest):
                self._held, self._inside = edge + rest, False
                return
            part = self._head(rest)
            if part is None:
                return
            yield part

    def _content(self, before: bytes, *, whole: bool) -> Iterator[bytes]:
        """What surely belongs to the part: its last bytes may be the beginning of the boundary."""
        content = before if whole else before[: -len(self._edge)]
        if content:
            yield content

    def _begins(self, rest: bytes) -> bool:
        """Whether all that is needed to go on behind this boundary is there."""
        if rest.startswith(b"--"):
            self.done = True
            return True
        if b"\r\n\r\n" in rest:
            return True
        if len(rest) > LONGEST_HEAD:
            raise BadInput("This form can't be read; send it again from its page.")
        return False

    def _head(self, rest: bytes) -> Part | None:
        if self.done:
            self._held = b""
            return None
        head, _, self._held = rest.partition(b"\r\n\r\n")
        self._inside = True
        named = {
            name: value.replace('\\"', '"')
            for name, value in _PARAMETER.findall(head.decode(errors="replace"))
        }
        return Part(named.get("name", ""), named.get("filename"))
