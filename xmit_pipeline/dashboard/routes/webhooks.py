"""Outgoing webhooks: endpoints, what they were told, and a ping to try one (SPEC 8)."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from xmit_pipeline.api import webhooks_out as calls
from xmit_pipeline.api.shapes_webhooks import DeliveryId, WebhookChange, WebhookDraft, WebhookId
from xmit_pipeline.dashboard.faults import Faults, checked, faults_by_field
from xmit_pipeline.dashboard.marks import AtMark
from xmit_pipeline.dashboard.printed import plural
from xmit_pipeline.dashboard.visit import AtVisit, Deed, Visit
from xmit_pipeline.delivery.outgoing_ping import post_ping
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.model.webhooks import DeliveryState, WebhookType
from xmit_pipeline.store.dashboard_settings import deliveries_cut, delivery_counts
from xmit_pipeline.store.keyset import Mark
from xmit_pipeline.store.webhook_deliveries import get_delivery
from xmit_pipeline.store.webhooks import endpoints, get_endpoint

PAGE = "/settings/webhooks"
router = APIRouter(prefix=PAGE)


@router.get("")
def show_webhooks(visit: AtVisit) -> Response:
    """All endpoints, oldest first."""
    with visit.desk.reading() as (connection, _):
        rows, counts = endpoints(connection), delivery_counts(connection)
    return visit.show("webhooks.html", rows=rows, counts=counts)


@router.get("/new")
def show_new(visit: AtVisit) -> Response:
    """An empty form."""
    return _form(visit, None, {"events": [], "enabled": True}, {})


@router.post("")
def create(visit: AtVisit) -> Response:
    """A new endpoint; this answer is the only one that ever holds its secret."""
    typed = _typed(visit)
    try:
        made = calls.create_webhook(visit.asking("create_webhook"), checked(WebhookDraft, typed))
    except BadInput as error:
        return _form(visit, None, typed, _faults(error))
    return _page(visit, made.id, secret=made.secret)


@router.get("/{webhook_id}")
def show_webhook(
    visit: AtVisit, webhook_id: WebhookId, state: Annotated[str, Query()] = "", mark: AtMark = None
) -> Response:
    """One endpoint, and what it was told."""
    return _page(visit, webhook_id, state=state if state in set(DeliveryState) else None, mark=mark)


@router.get("/{webhook_id}/edit")
def show_edit(visit: AtVisit, webhook_id: WebhookId) -> Response:
    """What it wants to hear of, and where."""
    row = _endpoint(visit, webhook_id)
    return _form(visit, row, {**row, "events": row["events"] or []}, {})


@router.post("/{webhook_id}/edit")
def update(visit: AtVisit, webhook_id: WebhookId) -> Response:
    """Change an endpoint."""
    row, typed = _endpoint(visit, webhook_id), _typed(visit)
    try:
        change = checked(WebhookChange, typed)
        calls.update_webhook(visit.asking("update_webhook"), webhook_id, change)
    except BadInput as error:
        return _form(visit, row, typed, _faults(error))
    return visit.go(_address(webhook_id), "The webhook is saved.")


@router.post("/{webhook_id}/rotate")
def rotate(visit: AtVisit, webhook_id: WebhookId) -> Response:
    """A new secret in place of the old one."""
    row = _endpoint(visit, webhook_id)
    if not visit.sure:
        what = ("The old secret signs nothing more, from the next post on.", "The new one is shown once.")
        return visit.ask(Deed(f"Make a new secret for {row['url']}?", what, "Make it", _address(webhook_id)))
    made = calls.rotate_webhook_secret(visit.asking("rotate_webhook_secret"), webhook_id)
    return _page(visit, webhook_id, secret=made.secret)


@router.post("/{webhook_id}/test")
def test(visit: AtVisit, webhook_id: WebhookId) -> Response:
    """Post a ping now, and say what came of it."""
    delivery_id = post_ping(
        visit.desk.store, visit.desk.clock, webhook_id, private_allowed=visit.settings.webhooks_private
    )
    with visit.desk.reading() as (connection, _):
        row = get_delivery(connection, webhook_id, delivery_id)
    if row["state"] == DeliveryState.DELIVERED:
        return visit.go(_address(webhook_id), f"The ping arrived: it was answered {row['status_code']}.")
    answered = f"it was answered {row['status_code']}" if row["status_code"] else "no answer came"
    words = f": {row['words']}" if row["words"] else ""
    return visit.go(_address(webhook_id), f"The ping did not arrive; {answered}{words}", "bad")


@router.post("/{webhook_id}/delete")
def delete(visit: AtVisit, webhook_id: WebhookId) -> Response:
    """Tell an endpoint nothing more."""
    row = _endpoint(visit, webhook_id)
    if not visit.sure:
        with visit.desk.reading() as (connection, _):
            waiting = delivery_counts(connection).get(webhook_id, {}).get("waiting", 0)
        what = (
            f"It is told nothing more; {plural(waiting, 'delivery', 'deliveries')} still waiting are forgotten.",
        )
        return visit.ask(
            Deed(f"Delete the webhook to {row['url']}?", what, "Delete it", _address(webhook_id))
        )
    calls.delete_webhook(visit.asking("delete_webhook"), webhook_id)
    return visit.go(PAGE, "The webhook is deleted.")


@router.post("/{webhook_id}/deliveries/{delivery_id}/retry")
def retry(visit: AtVisit, webhook_id: WebhookId, delivery_id: DeliveryId) -> Response:
    """Let the next tick post it again."""
    calls.retry_webhook_delivery(visit.asking("retry_webhook_delivery"), webhook_id, delivery_id)
    return visit.go(_address(webhook_id), "It is posted again within a minute.")


def _page(
    visit: Visit, webhook_id: UUID, *, state: str | None = None, mark: Mark | None = None, secret: str = ""
) -> Response:
    with visit.desk.reading() as (connection, _):
        row = get_endpoint(connection, webhook_id)
        cut = deliveries_cut(connection, webhook_id, state=state, mark=mark)
    return visit.show("webhook.html", row=row, cut=cut, wanted=state, secret=secret)


def _form(visit: Visit, row: dict[str, Any] | None, values: dict[str, Any], faults: Faults) -> Response:
    status = 400 if faults else 200
    kinds = [kind.value for kind in WebhookType]
    return visit.show("webhook_form.html", status=status, row=row, values=values, kinds=kinds, faults=faults)


def _typed(visit: Visit) -> dict[str, Any]:
    form = visit.form
    return {
        "url": form.text("url").strip(),
        "events": form.all("events"),
        "enabled": form.flag("enabled"),
        "description": form.optional("description"),
    }


def _faults(error: BadInput) -> Faults:
    return {name.partition(".")[0]: words for name, words in faults_by_field(error, "url").items()}


def _endpoint(visit: Visit, webhook_id: UUID) -> dict[str, Any]:
    with visit.desk.reading() as (connection, _):
        return get_endpoint(connection, webhook_id)


def _address(webhook_id: UUID) -> str:
    return f"{PAGE}/{public_id(Kind.WEBHOOK, webhook_id)}"
