"""API keys: made and shown once, and revoked (SPEC 8)."""

from uuid import UUID

from fastapi import APIRouter, Response

from xmit_pipeline.api.shapes import Given, Name
from xmit_pipeline.dashboard.faults import Faults, checked, faults_by_field
from xmit_pipeline.dashboard.visit import AtVisit, Deed, Visit
from xmit_pipeline.model.errors import BadInput, NotFound
from xmit_pipeline.store.dashboard_settings import key_with
from xmit_pipeline.store.key_stamp import note_key_change
from xmit_pipeline.store.keys import KeyScope, create_key, keys, revoke_key_of

PAGE = "/settings"
router = APIRouter(prefix=PAGE)


class KeyDraft(Given):
    """A key to make."""

    name: Name
    scope: KeyScope


@router.get("")
def show_keys(visit: AtVisit) -> Response:
    """All keys, revoked ones too; none with its text."""
    return _page(visit)


@router.post("/keys")
def create(visit: AtVisit) -> Response:
    """A new key; this answer is the only one that ever holds it."""
    values = {"name": visit.form.text("name"), "scope": visit.form.text("scope")}
    try:
        draft = checked(KeyDraft, values)
    except BadInput as error:
        return _page(visit, faults=faults_by_field(error))
    with visit.asking("create_key", key=draft.name, scope=draft.scope.value).changing() as (connection, now):
        fresh = create_key(connection, draft.name, now, draft.scope)
    note_key_change(visit.desk.store.path)
    return _page(visit, fresh=fresh, name=draft.name)


@router.post("/keys/{key_id}/revoke")
def revoke(visit: AtVisit, key_id: UUID) -> Response:
    """Let a key open nothing more."""
    with visit.desk.reading() as (connection, _):
        row = next((row for row in keys(connection) if row["id"] == key_id and not row["revoked_at"]), None)
        mine = key_with(connection, visit.key.hash)
    if row is None:
        raise NotFound("There is no such live key; it may be revoked already.")
    if not visit.sure:
        own = ("You are signed in with it: you are signed out by this.",) if key_id == mine else ()
        used = "Programs that call with it are refused at once, and who is signed in with it is signed out."
        return visit.ask(
            Deed(f"Revoke the key {row['name']} ({row['hint']}…)?", (used, *own), "Revoke it", PAGE)
        )
    with visit.asking("revoke_key", key=row["name"], hint=row["hint"]).changing() as (connection, now):
        revoke_key_of(connection, key_id, now)
    note_key_change(visit.desk.store.path)
    return visit.go(PAGE, f"The key {row['name']} is revoked.")


def _page(visit: Visit, *, fresh: str = "", name: str = "", faults: Faults | None = None) -> Response:
    with visit.desk.reading() as (connection, _):
        rows, mine = keys(connection), key_with(connection, visit.key.hash)
    rows.sort(key=lambda row: (row["revoked_at"] is not None, -row["created_at"].timestamp()))
    status = 400 if faults else 200
    known = {"mine": mine, "fresh": fresh, "name": name, "faults": faults or {}, "given": visit.form}
    return visit.show("keys.html", status=status, rows=rows, **known)
