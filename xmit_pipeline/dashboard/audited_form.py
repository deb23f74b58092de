"""What the audit keeps of a form: the ids that it holds, and of everything else the names of its fields alone."""

import re
from typing import Any

from xmit_pipeline.dashboard.form import Form
from xmit_pipeline.model.ids import Kind

MOST_KEPT = 100
"""Ids of one field; how many there were is kept beside them."""
ASIDE = frozenset(
    {"csrf", "sure", "then", "back", "more", "q", "previewFor", "templateId", "replaces", "newList"}
)
"""Fields that say how a page goes on, and nothing of what is changed."""

_ID = re.compile(rf"(?:{'|'.join(Kind)})_[0-9a-z]{{26}}")
_ROW = re.compile(r"(key|kind|value|was|use)-[0-9]+")


def kept_of_form(form: Form) -> dict[str, Any]:
    """Ids by the names of their fields, those that were ticked as `contactIds`; the rest under `fields`."""
    kept: dict[str, Any] = {}
    names: dict[str, None] = {}
    rows = "columns" if any(name.startswith("use-") for name in form.fields) else "metadata"
    for name in form.names:
        values = form.all(name)
        if name in ASIDE:
            continue
        if _ROW.fullmatch(name):
            names[rows] = None
        elif values and all(_ID.fullmatch(each) for each in values):
            kept |= _ids("contactIds" if name == "id" else name, values)
        else:
            names[name] = None
    return kept | ({"fields": list(names)} if names else {})


def _ids(name: str, values: list[str]) -> dict[str, Any]:
    if not name.endswith("Ids"):
        return {name: values[-1]}
    return {name: values[:MOST_KEPT], f"{name}Count": len(values)}
