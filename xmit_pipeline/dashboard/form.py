"""A form as it was posted, texts by name. One that brings a file comes by way of `upload_stream`."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from xmit_pipeline.model.errors import BadInput

URLENCODED = "application/x-www-form-urlencoded"
MOST_FIELDS = 2000


@dataclass(frozen=True, slots=True)
class Form:
    """What was posted. A field that was not given is the empty text."""

    fields: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def text(self, name: str) -> str:
        """As typed, line ends as Python has them."""
        return self.fields.get(name, [""])[-1].replace("\r\n", "\n")

    def all(self, name: str) -> list[str]:
        """Every value of a field that can have several."""
        return self.fields.get(name, [])

    def optional(self, name: str) -> str | None:
        """None where it was left blank."""
        return self.text(name).strip() or None

    def flag(self, name: str) -> bool:
        """Whether a box was ticked."""
        return name in self.fields

    def number(self, name: str) -> int | str:
        """A whole number; what is none stays as it was typed, for the shape to refuse it by name."""
        text = self.text(name).strip()
        return int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", text) else text

    @property
    def names(self) -> list[str]:
        """Which fields were given, for the audit; never their values."""
        return sorted(self.fields)


def read_form(content_type: str, body: bytes) -> Form:
    """The form in a body. BadInput where it can't be read as one."""
    kind = content_type.partition(";")[0].strip().lower()
    if not body:
        return Form()
    try:
        if kind == URLENCODED:
            return _urlencoded(body)
    except ValueError as error:
        raise BadInput("This form can't be read; send it again from its page.") from error
    raise BadInput("Send a form: the pages here take nothing else. Programs use the API below /api.")


def _urlencoded(body: bytes) -> Form:
    found = Form()
    pairs = parse_qsl(
        body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
    )
    for name, value in pairs:
        found.fields.setdefault(name, []).append(value)
    return found
