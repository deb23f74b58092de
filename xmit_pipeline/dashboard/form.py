"""A form as it was posted: texts by name, and files; both of the ways in which browsers write one."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from xmit_pipeline.model.errors import BadInput

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
MOST_FIELDS = 2000

_BOUNDARY = re.compile(r'boundary="?([^";,]{1,200})"?')
_PARAMETER = re.compile(r'(name|filename)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Upload:
    """A file: its name as the browser told it, never a path of ours, and its bytes."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """What was posted. A field that was not given is the empty text."""

    fields: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    files: dict[str, Upload] = field(default_factory=dict[str, Upload])

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
        return sorted(set(self.fields) | set(self.files))


def read_form(content_type: str, body: bytes) -> Form:
    """The form in a body. BadInput where it can't be read as one."""
    kind = content_type.partition(";")[0].strip().lower()
    if not body:
        return Form()
    try:
        if kind == URLENCODED:
            return _urlencoded(body)
        if kind == MULTIPART:
            return _multipart(content_type, body)
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


def _multipart(content_type: str, body: bytes) -> Form:
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise ValueError(content_type)
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode("latin-1"))
    if len(parts) > MOST_FIELDS or parts[-1].strip() != b"--":
        raise ValueError(len(parts))
    found = Form()
    for part in parts[1:-1]:
        _take(found, part.removeprefix(b"\r\n"))
    return found


def _take(found: Form, part: bytes) -> None:
    head, _, content = part.partition(b"\r\n\r\n")
    named = {name: value.replace('\\"', '"') for name, value in _PARAMETER.findall(head.decode())}
    if "filename" not in named:
        found.fields.setdefault(named.get("name", ""), []).append(content.decode())
    elif named["filename"]:
        found.files[named.get("name", "")] = Upload(named["filename"], content)
