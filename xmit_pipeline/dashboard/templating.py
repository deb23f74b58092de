"""The templates and what they may use: every value is escaped, and a name that is missing is an error."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from xmit_pipeline.dashboard import charts, printed, subjects, wording

FOLDER = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"

NAVIGATION = (
    ("sequences", "Sequences", "/sequences"),
    ("contacts", "Contacts", "/contacts"),
    ("lists", "Lists", "/lists"),
    ("sending", "Sending", "/sending"),
    ("system", "System", "/system"),
    ("settings", "Settings", "/settings"),
)
"""The menu: name, words, address. A page names its entry by `{% block section %}sequences{% endblock %}`."""


@cache
def asset(name: str) -> str:
    """The address of a file of `static`, which changes with its content."""
    mark = sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={mark}"


GLOBALS: dict[str, Any] = {"asset": asset, "navigation": NAVIGATION, "charts": charts, "wording": wording}
FILTERS: dict[str, Any] = {
    "iso": printed.iso_or_none,
    "stamp": printed.stamp,
    "ago": printed.ago,
    "number": printed.number,
    "percent": printed.percent,
    "plural": printed.plural,
    "listed": printed.listed,
    "public": printed.public,
    "address": printed.address,
    "delay": printed.delay,
    "subject_read": subjects.subject_read,
}


@cache
def environment() -> Environment:
    """The one environment of all pages."""
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(GLOBALS)
    made.filters.update(FILTERS)
    return made
