"""What waits for a person: mail of unknown fate, holds, circuits (issue 7; SPEC 6)."""

from datetime import timedelta

import pytest

from tests.campaigns import START, World
from tests.integration.api.client import MovableClock
from tests.integration.dashboard.client import Browser, House, Reader, TestClient
from xmit_pipeline.dashboard.site import create_site
from xmit_pipeline.model.ids import Kind, new_id, public_id
from xmit_pipeline.model.outcomes import Cause
from xmit_pipeline.store.audit import audit_page
from xmit_pipeline.store.circuits import fail_circuit


@pytest.fixture
def unanswered(world: World) -> House:
    """Five people whose first mail left in one request, and no answer came."""
    world.domain()
    world.enroll(world.sequence((0, 1)), world.people(5))
    world.faults({"kind": "reset", "when": "after"})
    assert world.tick(START).counts["unknown"] == 5
    clock = MovableClock(START + timedelta(hours=1))
    return House(
        world.store, world.settings, clock, TestClient(create_site(world.store, world.settings, clock=clock))
    )


@pytest.mark.parametrize(
    ("button", "state", "told"),
    [("Presume all sent", "sent", "5 presumed sent"), ("Send all again", "waiting", "5 go out again")],
)
def test_unknown_mail_is_settled_either_way(unanswered: House, button: str, state: str, told: str) -> None:
    """SPEC 6.6: each decision says what it means for how many before it is taken."""
    browser = unanswered.signed_in("operator")
    page = browser.get("/sending/trouble")
    assert "Unknown fate: 5 messages" in page.text

    asked = browser.send(page, "/sending/trouble/settle", button)
    assert "Settle 5 messages of unknown fate?" in asked.text
    assert unanswered.rows("SELECT DISTINCT state FROM message") == [{"state": "unknown"}]
    page = browser.agree(asked)

    assert told in page.text
    assert unanswered.rows("SELECT DISTINCT state FROM message") == [{"state": state}]
    with unanswered.store.snapshot() as connection:
        assert audit_page(connection, what="settle_unknown")[0]["who"] == "operator"


def test_one_request_is_settled_alone(unanswered: House) -> None:
    browser = unanswered.signed_in("operator")
    [row] = unanswered.rows("SELECT id FROM request WHERE state = 'unknown'")
    stranger = {"policy": "resend", "request": public_id(Kind.REQUEST, new_id()), "sure": "yes"}
    page = browser.get("/sending/trouble")
    csrf = page.form("/sending/trouble/settle").fields["csrf"]

    assert browser.post("/sending/trouble/settle", {**stranger, "csrf": csrf}).status == 404
    known = {"policy": "presume_sent", "request": public_id(Kind.REQUEST, row["id"]), "sure": "yes"}
    assert "5 presumed sent" in browser.post("/sending/trouble/settle", {**known, "csrf": csrf}).text


def test_held_step_is_released_from_here(world: World) -> None:
    world.domain()
    world.sequence()
    world.change("UPDATE step SET held_at = $now, hold_reason = 'too many failed'", now=START)
    clock = MovableClock(START)
    house = House(
        world.store, world.settings, clock, TestClient(create_site(world.store, world.settings, clock=clock))
    )
    browser = house.signed_in("operator")
    page = browser.get("/sending/trouble")
    assert "too many failed" in page.text

    [release] = {form.action for form in Reader(page.html).forms if "/trouble/steps/" in form.action}
    page = browser.send(page, release, "Release and skip who fails")

    assert "is released; those that it can't be rendered for are skipped" in page.text
    assert house.rows("SELECT held_at, skip_failing FROM step") == [{"held_at": None, "skip_failing": True}]


def test_open_circuit_says_what_to_do(house: House, browser: Browser) -> None:
    with house.changing() as connection:
        fail_circuit(connection, house.clock.now(), Cause.CREDENTIALS, "The key is gone")

    for path in ("/sending", "/sending/trouble"):
        assert "The key is gone" in browser.get(path).text
    assert "Check SENDGRID_API_KEY" in browser.get("/sending/trouble").text
