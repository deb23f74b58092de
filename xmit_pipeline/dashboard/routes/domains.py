"""Sending domains: added, verified, warmed up, and why nothing goes out over one (SPEC 4)."""

from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from xmit_pipeline.api import domains as calls
from xmit_pipeline.api import warmup as warmup_calls
from xmit_pipeline.api.shapes import DomainId
from xmit_pipeline.api.shapes_sending import DomainDraft, WarmupChange, WarmupPause
from xmit_pipeline.dashboard.faults import Faults, checked, faults_by_field
from xmit_pipeline.dashboard.form import Form
from xmit_pipeline.dashboard.outlook import AtOutlook
from xmit_pipeline.dashboard.printed import plural
from xmit_pipeline.dashboard.visit import AtVisit, Deed, Visit
from xmit_pipeline.model.errors import BadInput, Conflict
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.model.lifecycle import WarmupState
from xmit_pipeline.store.circuits import open_circuit
from xmit_pipeline.store.dashboard_sending import curve_days
from xmit_pipeline.store.holds import holds
from xmit_pipeline.store.senders import domains, get_domain
from xmit_pipeline.store.verification import set_verified
from xmit_pipeline.store.warmup import curve_of, domain_days, state_beneath

router = APIRouter(prefix="/sending")


@router.get("")
def show_domains(visit: AtVisit, outlook: AtOutlook) -> Response:
    """Every domain's day at a glance."""
    with visit.desk.reading() as (connection, now):
        rows, days = domains(connection), {day.domain_id: day for day in domain_days(connection, now)}
        circuit, held = open_circuit(connection), holds(connection)
    return visit.show("domains.html", rows=rows, days=days, outlook=outlook, circuit=circuit, held=held)


@router.get("/domains/new")
def show_new(visit: AtVisit) -> Response:
    """An empty form."""
    return visit.show("domain_new.html", values={}, faults={})


@router.post("/domains")
def create(visit: AtVisit) -> Response:
    """A new domain without a limit."""
    values = {"name": visit.form.text("name"), "verified": visit.form.flag("verified")}
    try:
        made = calls.create_domain(visit.asking("create_domain"), checked(DomainDraft, values))
    except (BadInput, Conflict) as error:
        faults = faults_by_field(error) if isinstance(error, BadInput) else {"name": str(error)}
        return visit.show("domain_new.html", status=400, values=values, faults=faults)
    return visit.go(_address(made.id), f"{made.name} is there. Now a sender on it, and its warmup.")


@router.get("/domains/{domain_id}")
def show_domain(visit: AtVisit, domain_id: DomainId, outlook: AtOutlook) -> Response:
    """One domain: its curve, its day, its health, and its settings."""
    with visit.desk.reading() as (connection, _):
        row = get_domain(connection, domain_id)
    return _page(visit, row, outlook, _known(row), {})


@router.post("/domains/{domain_id}/warmup")
def update_warmup(visit: AtVisit, domain_id: DomainId, outlook: AtOutlook) -> Response:
    """Change the warmup, at once also for what is left of today."""
    with visit.desk.reading() as (connection, _):
        row = get_domain(connection, domain_id)
    typed = _typed(visit.form)
    try:
        change = checked(WarmupChange, typed)
        if _known(row)["enabled"] and not change.enabled and not visit.sure:
            return visit.ask(_ending(row, outlook))
        warmup_calls.update_warmup(visit.asking("update_warmup"), domain_id, change)
    except BadInput as error:
        values = {**typed, "table": visit.form.text("table")}
        return _page(visit, row, outlook, values, _faults(error))
    return visit.go(_address(domain_id), "The warmup is saved; it holds at once, also for the rest of today.")


def _ending(row: dict[str, Any], outlook: AtOutlook) -> Deed:
    """Before a warmup is switched off: who goes out at once, and how its day is lost."""
    waiting = outlook.waiting.get(row["id"], 0) if outlook else 0
    if row["warmup_state"] == WarmupState.PAUSED:
        goes = "It stays paused. Once you resume it, no limit holds any more."
    elif waiting:
        goes = f"No limit holds any more: {plural(waiting, 'waiting mail goes', 'waiting mails go')} out at once."
    else:
        goes = "No limit holds any more: whatever is due goes out at once, however much that is."
    lost = "Its day of the warmup is forgotten; if you warm it up again, that begins with day 1."
    why = "Mailbox providers may take a sudden flood for spam. To stop mail instead, pause the domain."
    heading = f"Stop warming up {row['name']}?"
    return Deed(heading, (goes, lost, why), "Stop the warmup", _address(row["id"]))


@router.post("/domains/{domain_id}/pause")
def pause(visit: AtVisit, domain_id: DomainId) -> Response:
    """Let nothing more go out over a domain."""
    given = checked(WarmupPause, {"reason": visit.form.optional("reason")})
    warmup_calls.pause_warmup(visit.asking("pause_warmup"), domain_id, given)
    return visit.go(
        _address(domain_id), "Paused: nothing more goes out over this domain until you resume it.", "note"
    )


@router.post("/domains/{domain_id}/resume")
def resume(visit: AtVisit, domain_id: DomainId) -> Response:
    """Back to the state and day before the pause."""
    warmup_calls.resume_warmup(visit.asking("resume_warmup"), domain_id)
    return visit.go(_address(domain_id), "Resumed, on the day that it was paused on. Health counts from now.")


@router.post("/domains/{domain_id}/verify")
def verify(visit: AtVisit, domain_id: DomainId) -> Response:
    """Ask SendGrid whether it knows the domain."""
    made = calls.verify_domain(visit.asking("verify_domain"), visit.settings, domain_id)
    if made.verified:
        return visit.go(
            _address(domain_id), f"SendGrid has authenticated {made.name}; its senders are verified too."
        )
    words = f"SendGrid has not authenticated {made.name} yet: add the DNS records that it asks for, and try again."
    return visit.go(_address(domain_id), words, "bad")


@router.post("/domains/{domain_id}/declare")
def declare(visit: AtVisit, domain_id: DomainId) -> Response:
    """Take the operator's word that SendGrid knows the domain."""
    with visit.desk.reading() as (connection, _):
        row = get_domain(connection, domain_id)
    if not visit.sure:
        what = (
            f"Mail goes out from {row['name']} and from all senders on it, as if SendGrid had said that it knows it.",
            "Where it does not, SendGrid refuses the mail, and the sender is held.",
        )
        return visit.ask(
            Deed(f"Declare {row['name']} verified?", what, "Declare it", _address(domain_id), tone="")
        )
    with visit.asking("declare_domain").changing() as (connection, _):
        set_verified(connection, domain_id, verified=True)
    return visit.go(_address(domain_id), f"{row['name']} is taken as verified, on your word.")


def _page(
    visit: Visit, row: dict[str, Any], outlook: AtOutlook, values: dict[str, Any], faults: Faults
) -> Response:
    with visit.desk.reading() as (connection, now):
        day = next(each for each in domain_days(connection, now) if each.domain_id == row["id"])
        days = curve_days(connection, row, day, now)
    enabled = state_beneath(row) is WarmupState.ACTIVE
    return visit.show(
        "domain.html", status=400 if faults else 200, row=row, day=day, days=days, enabled=enabled, outlook=outlook,
        limits=curve_of(row).limits, values=values, faults=faults,
    )  # fmt: skip


def _known(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "enabled": state_beneath(row) is WarmupState.ACTIVE,
        "start": row["warmup_start"],
        "factor": f"{row['warmup_factor'].normalize():f}",
        "target": row["warmup_target"],
        "table": ", ".join(map(str, row["warmup_table"] or ())),
        "pacing": row["warmup_pacing"],
        "holdTarget": row["warmup_hold_target"],
    }


def _typed(form: Form) -> dict[str, Any]:
    return {
        "enabled": form.flag("enabled"),
        "start": form.number("start"),
        "factor": _decimal(form.text("factor").strip()),
        "target": form.number("target"),
        "table": _limits(form.text("table")) or None,
        "pacing": form.flag("pacing"),
        "holdTarget": form.flag("holdTarget"),
    }


def _limits(text: str) -> list[int | str]:
    return [int(each) if each.isdecimal() else each for each in text.replace(",", " ").split()]


def _decimal(text: str) -> Decimal | str:
    """A number; what is none stays as it was typed, for the shape to refuse it by name."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _faults(error: BadInput) -> Faults:
    """Those of a table's days stand beside the table, and one of the whole curve beside its factor."""
    found = faults_by_field(error, "factor")
    return {name.partition(".")[0]: words for name, words in reversed(found.items())}


def _address(domain_id: UUID) -> str:
    return f"/sending/domains/{public_id(Kind.DOMAIN, domain_id)}"
