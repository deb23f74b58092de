"""Taking a contact file in: sent, its columns named, taken in while a page shows how far, and a report at the end."""

from pathlib import Path
from typing import cast
from uuid import UUID

import polars as pl
from fastapi import APIRouter, Response
from starlette.responses import FileResponse

from xmit_pipeline.api.shapes_contacts import ListDraft
from xmit_pipeline.dashboard.faults import Faults, checked, faults_by_field
from xmit_pipeline.dashboard.import_mapping import (
    Choice,
    chosen,
    mapping_faults,
    overrides,
    recognised,
)
from xmit_pipeline.dashboard.import_work import start_import, told_of
from xmit_pipeline.dashboard.upload_stream import PATH, TAKEN, Taken
from xmit_pipeline.dashboard.uploads import ImportRecord, ImportState, Uploads
from xmit_pipeline.dashboard.visit import AtVisit, Deed, Visit
from xmit_pipeline.model.errors import BadInput, Conflict, NotFound
from xmit_pipeline.model.ids import Kind, parse_id, public_id
from xmit_pipeline.store.contact_file_heads import file_head
from xmit_pipeline.store.dashboard_lists import list_names
from xmit_pipeline.store.lists import get_list, list_named

router = APIRouter(prefix=PATH)

SHOWN_REFUSALS = 100
NO_FILE = "Choose a CSV or Parquet file."


@router.get("")
def show_imports(visit: AtVisit) -> Response:
    """Where a file is sent from, and what became of those sent before."""
    return _sending(visit)


@router.post("")
def send_file(visit: AtVisit) -> Response:
    """A file has arrived: on to its columns."""
    taken = cast(Taken, visit.request.scope.get(TAKEN, Taken()))
    if not taken.id:
        return _sending(visit, {"file": taken.fault or NO_FILE})
    uploads = Uploads(visit.settings.home)
    record = uploads.get(taken.id)
    path = uploads.file_of(record)
    try:
        head = file_head(path)
    except BadInput as error:
        uploads.forget(record.id)
        return _sending(visit, {"file": told_of(error, path, record.name)})
    record.headers = list(head.headers)
    record.examples = [head.examples(place) for place in range(len(head.headers))]
    uploads.keep(record)
    return visit.go(f"{PATH}/{record.id}")


@router.get("/{upload_id}")
def show_import(visit: AtVisit, upload_id: str) -> Response:
    """One import: its columns to name, how far it is, or what came of it."""
    record = Uploads(visit.settings.home).get(upload_id)
    if record.state is ImportState.UPLOADED:
        choices = recognised(record.headers, record.examples)
        return _mapping(visit, record, choices, mapping_faults(choices))
    refused = _first_refused(Uploads(visit.settings.home).refused_of(record.id))
    return visit.show("import.html", record=record, refused=refused)


@router.post("/{upload_id}")
def begin_import(visit: AtVisit, upload_id: str) -> Response:
    """Take the file in as the form says."""
    uploads = Uploads(visit.settings.home)
    record = uploads.get(upload_id)
    if record.state is not ImportState.UPLOADED:
        raise Conflict("This file's columns are named already; see how far it is.")
    choices = chosen(recognised(record.headers, record.examples), visit.form)
    faults = {**mapping_faults(choices), **_list_faults(visit)}
    if faults:
        return _mapping(visit, record, choices, faults, status=400)
    record.overrides = overrides(choices)
    _keep_list(visit, record)
    start_import(visit.desk.store, visit.desk.clock, uploads, record)
    return visit.go(f"{PATH}/{record.id}")


@router.post("/{upload_id}/again")
def repeat_import(visit: AtVisit, upload_id: str) -> Response:
    """Run an import again that was interrupted or failed; who is in already is known, and stays."""
    uploads = Uploads(visit.settings.home)
    record = uploads.get(upload_id)
    if not uploads.file_of(record).is_file():
        raise NotFound("The file is not kept any more; send it again.")
    _keep_list(visit, record)
    start_import(visit.desk.store, visit.desk.clock, uploads, record)
    return visit.go(f"{PATH}/{record.id}")


@router.post("/{upload_id}/forget")
def forget_import(visit: AtVisit, upload_id: str) -> Response:
    """Remove the file and its report; contacts stay."""
    uploads = Uploads(visit.settings.home)
    record = uploads.get(upload_id)
    if not visit.sure:
        what = (
            "The file, if it is still kept, and the report of refused rows are removed.",
            "Contacts stay.",
        )
        deed = Deed(f"Forget the import of {record.name}?", what, "Forget it", f"{PATH}/{record.id}")
        return visit.ask(deed)
    uploads.forget(record.id)
    return visit.go(PATH, f"The import of {record.name} is forgotten.")


@router.get("/{upload_id}/refused.csv")
def download_refused(visit: AtVisit, upload_id: str) -> Response:
    """Every refused row: line, address, reason."""
    path = Uploads(visit.settings.home).refused_of(upload_id)
    if not path.is_file():
        raise NotFound("This import refused no rows.")
    return FileResponse(path, media_type="text/csv; charset=utf-8", filename="refused-rows.csv")


def _first_refused(path: Path) -> list[tuple[int, str | None, str]]:
    if not path.is_file():
        return []
    rows = pl.read_csv(path, n_rows=SHOWN_REFUSALS, schema_overrides={"address": pl.String})
    return [(line, address, reason) for line, address, reason in rows.iter_rows()]


def _sending(visit: Visit, faults: Faults | None = None) -> Response:
    return visit.show(
        "imports.html",
        status=400 if faults else 200,
        faults=faults or {},
        records=Uploads(visit.settings.home).latest(),
        limit_mb=visit.settings.upload_limit_mb,
    )


def _mapping(
    visit: Visit, record: ImportRecord, choices: list[Choice], faults: Faults, *, status: int = 200
) -> Response:
    with visit.desk.reading() as (connection, _):
        names = list_names(connection)
    known = [(public_id(Kind.LIST, row["id"]), row["name"]) for row in names]
    return visit.show(
        "import_columns.html",
        status=status,
        record=record,
        choices=choices,
        lists=known,
        given=visit.form,
        faults=faults,
        tried=status != 200,  # noqa: PLR2004
    )


def _list_faults(visit: Visit) -> Faults:
    """What is wrong with the list that was chosen or named."""
    name, known = visit.form.optional("newList"), visit.form.optional("listId")
    if name and known:
        return {"newList": "Choose a list, or name a new one; not both."}
    try:
        if name:
            checked(ListDraft, {"name": name})
        if known:
            with visit.desk.reading() as (connection, _):
                get_list(connection, parse_id(Kind.LIST, known))
    except NotFound:
        return {"listId": "This list is gone; choose another one."}
    except BadInput as error:
        return {"newList": faults_by_field(error).get("name", str(error))}
    return {}


def _keep_list(visit: Visit, record: ImportRecord) -> None:
    """The list that the contacts join, made where it is new; and who began this stands in the audit."""
    name, known = visit.form.optional("newList"), visit.form.optional("listId")
    about = {"file": record.name, **({"listId": known} if known else {})}
    with visit.asking("import_contacts", **about).changing() as (connection, now):
        list_id: UUID | None = parse_id(Kind.LIST, known) if known else record.list_id
        if name:
            list_id = list_named(connection, name, now)
        record.list_id = list_id
        record.list_name = get_list(connection, list_id)["name"] if list_id else None
