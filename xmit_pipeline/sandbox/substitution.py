"""Substitution as SendGrid does it: plain text, longest tag first, and again inside what was put in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

# the vendor resolves nested tags to this depth, so a value that holds another tag is a hazard
LEVELS = 4
_MAX_LENGTH = 5_000_000


@dataclass(frozen=True, slots=True)
class Substitution:
    """The tags of one personalization, ready to be put into its subject and content."""

    values: Mapping[str, str | None]

    def resolve(self, text: str) -> str:
        """`text` with each tag replaced, up to four levels deep; null stands for nothing.

        Values that hold tags can grow a text without end: a level that would pass 5 MB is left out.
        """
        if not (tags := [tag for tag in self.values if tag]):
            return text
        pattern = re.compile("|".join(map(re.escape, sorted(tags, key=len, reverse=True))))
        for _ in range(LEVELS):
            resolved = self._one_level(pattern, text)
            if resolved is None or resolved == text:
                break
            text = resolved
        return text

    def _one_level(self, pattern: re.Pattern[str], text: str) -> str | None:
        growth = sum(len(self.values[tag] or "") for tag in pattern.findall(text))
        if len(text) + growth > _MAX_LENGTH:
            return None
        return pattern.sub(lambda match: self.values[match[0]] or "", text)
