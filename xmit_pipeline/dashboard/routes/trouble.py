"""What waits for a person: the open circuit, messages of unknown fate, held steps and senders (SPEC 6)."""

from fastapi import APIRouter, Response

from xmit_pipeline.api import steps as step_calls
from xmit_pipeline.api.shapes import SequenceId, StepId
from xmit_pipeline.api.shapes_sequences import StepRelease
from xmit_pipeline.dashboard.faults import checked
from xmit_pipeline.dashboard.printed import plural
from xmit_pipeline.dashboard.visit import AtVisit, Deed
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.model.ids import Kind, parse_id
from xmit_pipeline.model.outcomes import UnknownPolicy
from xmit_pipeline.store.circuits import open_circuit
from xmit_pipeline.store.findings import CIRCUIT_REMEDIES
from xmit_pipeline.store.holds import holds
from xmit_pipeline.store.unknown import decide_unknown, unknown_requests

PAGE = "/sending/trouble"
router = APIRouter(prefix=PAGE)

MEANINGS = {
    UnknownPolicy.PRESUME_SENT: "They count as sent, marked as presumed. Nobody gets it twice; who did not get it, "
    "never does.",
    UnknownPolicy.RESEND: "They go out again within a minute, but for those who have left since. Nobody misses it; "
    "who did get it, gets it twice.",
}


@router.get("")
def show_trouble(visit: AtVisit) -> Response:
    """Everything that stands still until somebody decides, and what each decision means."""
    with visit.desk.reading() as (connection, _):
        circuit, held, requests = open_circuit(connection), holds(connection), unknown_requests(connection)
    undecided = [row for row in requests if row["unknown"] and row["decided"] is None]
    return visit.show(
        "trouble.html",
        circuit=circuit,
        remedy=CIRCUIT_REMEDIES[circuit.cause] if circuit else "",
        held=held,
        requests=requests,
        undecided=undecided,
        unknown=sum(row["unknown"] for row in undecided),
        meanings=MEANINGS,
    )


@router.post("/settle")
def settle(visit: AtVisit) -> Response:
    """Decide one request of unknown fate, or all of them."""
    policy, given = _policy(visit.form.text("policy")), visit.form.optional("request")
    request_id = parse_id(Kind.REQUEST, given) if given else None
    if not visit.sure:
        with visit.desk.reading() as (connection, _):
            rows = [row for row in unknown_requests(connection) if row["decided"] is None]
        count = sum(row["unknown"] for row in rows if request_id is None or row["id"] == request_id)
        heading = f"Settle {plural(count, 'message')} of unknown fate?"
        button = "Presume them sent" if policy is UnknownPolicy.PRESUME_SENT else "Send them again"
        return visit.ask(Deed(heading, (MEANINGS[policy],), button, PAGE))
    about = {"policy": policy.value, **({"requestId": given} if given else {})}
    with visit.asking("settle_unknown", **about).changing() as (connection, now):
        settled = decide_unknown(
            connection, now, policy, request_id=request_id, resend_limit=visit.settings.resend_limit
        )
    told = f"{settled.presumed:,} presumed sent, {settled.resent:,} go out again within a minute"
    return visit.go(PAGE, f"{told}, {settled.failed:,} given up.")


@router.post("/steps/{sequence_id}/{step_id}/release")
def release_step(visit: AtVisit, sequence_id: SequenceId, step_id: StepId) -> Response:
    """Let a held step's mail go out again."""
    skips = visit.form.flag("skipFailing")
    given = checked(StepRelease, {"skipFailing": skips})
    released = step_calls.release_step(visit.asking("release_step"), sequence_id, step_id, given)
    more = "; those that it can't be rendered for are skipped" if skips else ""
    return visit.go(PAGE, f"{released.name} is released{more}.")


def _policy(text: str) -> UnknownPolicy:
    try:
        return UnknownPolicy(text)
    except ValueError as error:
        raise BadInput("Say whether to presume them sent, or to send them again.") from error
