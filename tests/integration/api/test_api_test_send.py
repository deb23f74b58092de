"""Test sends: seen by one address, counted in the warmup day, and nowhere else (SPEC 8)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.api.client import START, Api, opened_api
from xmit_pipeline.delivery import test_send
from xmit_pipeline.delivery.deliver import boot_id
from xmit_pipeline.delivery.journal import Journal
from xmit_pipeline.delivery.tick import run_tick
from xmit_pipeline.delivery.transport import Mailer, SendGrid
from xmit_pipeline.model.clock import FixedClock
from xmit_pipeline.model.ids import Kind, parse_id
from xmit_pipeline.model.settings import Settings, read_settings
from xmit_pipeline.sandbox.faults import FaultOrder
from xmit_pipeline.sandbox.server import RunningSandbox
from xmit_pipeline.store import invariants
from xmit_pipeline.store.connection import rows_as_dicts
from xmit_pipeline.store.test_sends import reserve_test


@pytest.fixture
def settings(tmp_path: Path, sandbox: RunningSandbox) -> Settings:
    """What API and tick share."""
    return read_settings({"XMIT_HOME": str(tmp_path / "sending"), "SENDGRID_HOST": sandbox.url})


@pytest.fixture
def sending(tmp_path: Path, sandbox: RunningSandbox) -> Iterator[Api]:
    """An API whose SendGrid is the sandbox."""
    with opened_api(tmp_path / "sending", SENDGRID_HOST=sandbox.url) as opened:
        yield opened


def _step(api: Api, **fields: Any) -> tuple[str, str]:
    """A draft with one step, and a sender that may be used: the sequence's address, the step's id."""
    api.new_sender(api.new_domain())
    sequence_id = api.new_draft()
    return f"/api/sequences/{sequence_id}", api.new_step(sequence_id, **fields)


def _requests(api: Api) -> list[dict[str, Any]]:
    with api.store.snapshot() as connection:
        assert invariants.breaches(connection) == {}
        return rows_as_dicts(connection, "SELECT * FROM request ORDER BY created_at, id")


def test_test_mail_arrives_and_unsubscribes_nobody(sending: Api, sandbox: RunningSandbox) -> None:
    """SPEC 8: `[Test]` in the subject, the contact's names, an inert link."""
    here, step_id = _step(sending)
    contact_id = sending.new_contact("grace@example.org", firstName="Grace")

    told = sending.made(
        f"{here}/test-send", {"stepId": step_id, "to": "ME@example.org", "contactId": contact_id}
    )

    (mail,) = sandbox.mailbox.page(limit=10).mails
    assert (told["status"], told["to"], told["subject"]) == ("sent", "me@example.org", "[Test] Hello Grace")
    assert (mail.to, mail.subject) == ("me@example.org", "[Test] Hello Grace")
    link = mail.headers["List-Unsubscribe"].strip("<>")
    assert link.endswith("/u/test")
    sending.client.post(f"/u/{link.rsplit('/', 1)[-1]}")
    assert sending.found("/api/suppressions")["totalCount"] == 0
    assert sending.found(f"/api/contacts/{contact_id}")["status"] == "active"


def test_audit_names_whom_tests_went_to(sending: Api) -> None:
    """SPEC 8: no contact and no enrollment stands for it, so the audit alone knows who got one."""
    here, step_id = _step(sending)

    sending.made(f"{here}/test-send", {"stepId": step_id, "to": "ME@example.org"})

    [entry] = sending.found("/api/audit?about=me@example.org")["entries"]
    assert (entry["what"], entry["about"]["stepId"]) == ("send_test_mail", step_id)


def test_test_send_counts_in_the_day_alone(sending: Api) -> None:
    """SPEC 8: a place of the warmup day; no enrollment, no message, no figure."""
    here, step_id = _step(sending)
    (domain,) = sending.found("/api/domains")["domains"]
    sending.put(f"/api/domains/{domain['id']}/warmup", {"enabled": True, "start": 2})

    sending.made(f"{here}/test-send", {"stepId": step_id, "to": "me@example.org"})

    assert sending.found(f"/api/domains/{domain['id']}/warmup")["used"] == 1
    assert [(row["state"], row["size"], row["day_limit"]) for row in _requests(sending)] == [
        ("accepted", 1, 2)
    ]
    (figures,) = sending.found(f"{here}/stats")["steps"]
    assert all(not figures[name] for name in figures if name not in ("stepId", "name"))
    assert sending.found("/api/messages")["totalCount"] == 0
    sending.made(f"{here}/test-send", {"stepId": step_id, "to": "me@example.org"})
    full = sending.post(f"{here}/test-send", {"stepId": step_id, "to": "me@example.org"})
    assert (full.status_code, "places" in full.json()["error"]) == (409, True)


@pytest.mark.parametrize("reason", ["unsubscribe", "bounce", "complaint", "manual"])
def test_suppressed_address_gets_no_test(sending: Api, sandbox: RunningSandbox, reason: str) -> None:
    """SPEC 8: refused, and nothing is reserved."""
    here, step_id = _step(sending)
    sending.made("/api/suppressions", {"email": "me@example.org", "reason": reason})

    answer = sending.post(f"{here}/test-send", {"stepId": step_id, "to": "Me@example.org"})

    assert (answer.status_code, _requests(sending), sandbox.mailbox.page(limit=1).mails) == (409, [], [])


def test_test_needs_a_usable_sender(sending: Api) -> None:
    """SPEC 2: a sender of a verified domain, not held; a paused warmup lets nothing out."""
    sequence_id = sending.new_draft()
    step_id = sending.new_step(sequence_id)
    given = {"stepId": step_id, "to": "me@example.org"}
    assert sending.post(f"/api/sequences/{sequence_id}/test-send", given).status_code == 409

    domain_id = sending.new_domain()
    sending.new_sender(domain_id)
    sending.made(f"/api/domains/{domain_id}/warmup/pause", {"reason": "moving"})
    paused = sending.post(f"/api/sequences/{sequence_id}/test-send", given)

    assert (paused.status_code, "moving" in paused.json()["error"]) == (409, True)
    assert _requests(sending) == []


@pytest.mark.parametrize(
    ("fault", "status", "state", "used"),
    [
        ({"kind": "status", "status": 500}, 200, "unknown", 1),
        ({"kind": "status", "status": 429}, 409, "released", 0),
        ({"kind": "status", "status": 400}, 409, "refused", 0),
    ],
)
def test_answer_settles_the_test(
    sending: Api, sandbox: RunningSandbox, fault: dict[str, Any], status: int, state: str, used: int
) -> None:
    """SPEC 6.5, 6.6: surely not sent gives the place back; perhaps sent keeps it."""
    here, step_id = _step(sending)
    sandbox.faults.order(FaultOrder(faults=[fault]).faults)  # type: ignore[arg-type]

    answer = sending.post(f"{here}/test-send", {"stepId": step_id, "to": "me@example.org"})

    (domain,) = sending.found("/api/domains")["domains"]
    assert answer.status_code == status, answer.text
    assert [row["state"] for row in _requests(sending)] == [state]
    assert sending.found(f"/api/domains/{domain['id']}/warmup")["used"] == used


def _left_open(api: Api, settings: Settings, *, journalled: bool) -> None:
    """What a process leaves that died after it reserved a test."""
    here, step_id = _step(api)
    ids = parse_id(Kind.SEQUENCE, here.rsplit("/", 1)[-1]), parse_id(Kind.STEP, step_id)
    with api.store.transaction() as connection:
        reserved = reserve_test(connection, *ids, "me@example.org", START, boot_id())
    if journalled:
        Journal(settings.journal).posted(str(reserved.request_id), START)


def _tick(api: Api, settings: Settings, sandbox: RunningSandbox) -> None:
    sendgrid = SendGrid(key="SG.test", host=sandbox.url, connections=1)
    try:
        clock = FixedClock(START)
        run_tick(api.store, settings, clock, Mailer(sendgrid, {"X-Sandbox-Now": START.isoformat()}), "tick")
    finally:
        sendgrid.close()


@pytest.mark.parametrize(("journalled", "state"), [(True, "unknown"), (False, "released")])
def test_next_tick_settles_a_dead_test(
    sending: Api, settings: Settings, sandbox: RunningSandbox, *, journalled: bool, state: str
) -> None:
    """SPEC 6.7: journalled is perhaps sent, otherwise surely not."""
    _left_open(sending, settings, journalled=journalled)

    _tick(sending, settings, sandbox)

    assert [row["state"] for row in _requests(sending)] == [state]


def test_tick_leaves_a_live_test_alone(sending: Api, settings: Settings, sandbox: RunningSandbox) -> None:
    """SPEC 6.7: who holds the test lock is alive, and settles for itself."""
    _left_open(sending, settings, journalled=True)

    with test_send.test_turn(settings):
        _tick(sending, settings, sandbox)

    assert [row["state"] for row in _requests(sending)] == ["inflight"]
