"""The rows of an import call: each looked at by itself, those of one address merged (SPEC 9)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import polars as pl
from pydantic import TypeAdapter, ValidationError

from xmit_pipeline.api.errors import faults_of
from xmit_pipeline.api.shapes_contacts import ContactDraft, RefusedRow
from xmit_pipeline.store.contact_rows import STAGED_COLUMNS

_ROW: TypeAdapter[ContactDraft] = TypeAdapter(ContactDraft)


@dataclass(frozen=True, slots=True)
class ReadRows:
    """`contacts` in `STAGED_COLUMNS`, a row per address, and what was refused."""

    contacts: pl.DataFrame
    refused: list[RefusedRow]


def read_rows(given: Sequence[object]) -> ReadRows:
    """Rows as contacts; of two rows for one address the later fills, and a blank erases nothing."""
    merged: dict[str, ContactDraft] = {}
    refused: list[RefusedRow] = []
    for index, row in enumerate(given):
        try:
            draft = _ROW.validate_python(row)
        except ValidationError as error:
            fault = faults_of(error.errors(), root="contacts")[0]
            refused.append(RefusedRow(index=index, field=fault["field"], message=fault["message"]))
        else:
            known = merged.get(draft.email)
            merged[draft.email] = _filled(known, draft) if known else draft
    return ReadRows(staged_rows(merged.values()), refused)


def staged_rows(drafts: Iterable[ContactDraft]) -> pl.DataFrame:
    """Drafts in `STAGED_COLUMNS`, in their order."""
    staged = [_staged(line, draft) for line, draft in enumerate(drafts, start=1)]
    return pl.DataFrame(staged, schema=STAGED_COLUMNS, orient="row")


def _filled(known: ContactDraft, later: ContactDraft) -> ContactDraft:
    return later.model_copy(
        update={
            "first_name": later.first_name or known.first_name,
            "last_name": later.last_name or known.last_name,
            "timezone": later.timezone or known.timezone,
            "metadata": {**known.metadata, **later.metadata},
        }
    )


def _staged(line: int, draft: ContactDraft) -> tuple[Any, ...]:
    metadata = orjson.dumps(draft.metadata).decode()
    return (line, draft.email, draft.first_name, draft.last_name, draft.timezone, None, metadata)
