"""Whether everything runs, what is stuck and what to do: what `xmit doctor` finds, on a page (PAINS C9)."""

import time
from datetime import timedelta
from pathlib import Path

from filelock import FileLock

from tests.campaigns import START, World
from tests.integration.api.client import MovableClock
from tests.integration.dashboard.client import Browser, House, Page, TestClient, opened_house
from xmit_pipeline.dashboard.site import create_site
from xmit_pipeline.delivery.readiness import settings_finding, step_findings
from xmit_pipeline.delivery.tick import tick_lock
from xmit_pipeline.store.findings import rule_findings, sending_findings
from xmit_pipeline.store.invariants import BREACHES
from xmit_pipeline.store.keys import KeyScope
from xmit_pipeline.store.ticks import finish_tick, start_tick

HOSTILE = "<script>alert(1)</script>"


def house_of(world: World, moment: timedelta = timedelta()) -> House:
    """The site over a world's store, so long after its start."""
    clock = MovableClock(START + moment)
    return House(
        world.store, world.settings, clock, TestClient(create_site(world.store, world.settings, clock=clock))
    )


def settled(browser: Browser, path: str = "/system") -> Page:
    """The page once what is looked at in the background is there."""
    deadline = time.monotonic() + 60
    page = browser.get(path)
    while 'data-refresh="' in page.html:
        assert time.monotonic() < deadline
        time.sleep(0.05)
        page = browser.get(path)
    return page


def test_page_shows_the_findings_of_doctor(world: World) -> None:
    """The same sentences, from the same functions: due and free for long means that no schedule runs."""
    world.domain()
    world.enroll(world.sequence(), world.people(3))
    house = house_of(world, timedelta(minutes=20))

    text = settled(house.signed_in()).text

    with world.store.snapshot() as connection:
        now = house.clock.now()
        findings = [*step_findings(connection, world.settings, now), *sending_findings(connection, now)]
    findings.append(settings_finding(world.settings, house.clock))
    assert any("3 are due for 20 minutes and free to go" in finding.state for finding in findings)
    for finding in findings:
        assert finding.state in text
        assert finding.remedy in text
    assert "Mail that may go has waited 1200 s" in text
    assert "Stands still" in text


def test_ticks_show_what_they_did_and_took(world: World) -> None:
    world.domain()
    world.enroll(world.sequence(), world.people(3))
    result = world.tick(START)

    page = settled(house_of(world).signed_in())

    assert result.counts["sent"] == 3
    [row] = world.rows("SELECT * FROM tick")
    took = (row["finished_at"] - row["started_at"]).total_seconds()
    assert f"{took:.1f} s 3 3 0 0 0 0" in page.text
    assert 'href="http://127.0.0.1:3000/runs/tick-1"' in page.html


def test_tick_under_way_is_told_by_its_lock(house: House, browser: Browser) -> None:
    """Never by a record, which a death leaves behind."""
    with house.changing() as connection:
        start_tick(connection, "dead", house.clock.now(), house.clock.now(), simulated=False)

    assert "did not end" in settled(browser).text
    assert "no tick runs" in settled(browser).text
    lock = FileLock(tick_lock(house.settings).lock_file)
    with lock:
        page = settled(browser)
    assert "a tick is sending" in page.text
    assert "running" in page.text


def test_note_of_a_tick_is_shown_as_text(house: House, browser: Browser) -> None:
    now = house.clock.now()
    counts = dict.fromkeys(("claimed", "sent", "skipped", "failed", "unknown", "deferred"), 0)
    with house.changing() as connection:
        start_tick(connection, "one", now, now, simulated=False)
        finish_tick(connection, "one", now, counts, HOSTILE, 0)

    html = settled(browser).html

    assert HOSTILE not in html
    assert "&lt;script&gt;" in html


def test_rules_are_looked_at_when_asked(house: House, browser: Browser) -> None:
    """One read a rule, in the background; the findings are doctor's."""
    page = browser.send(settled(browser), "/system/rules")
    page = settled(browser)

    with house.store.snapshot() as connection:
        [finding] = rule_findings(connection)
    assert f"Invariants: {finding.state}" in page.text
    assert f"{len(BREACHES)} rules say" in page.text


def test_broken_rule_is_named(house: House, browser: Browser) -> None:
    insert = (
        "INSERT INTO contact (id, email, metadata, status, created_at, updated_at) "
        "SELECT uuidv7(), 'twice@example.org', '{}', 'active', $now, $now FROM range(2)"
    )
    with house.changing() as connection:
        connection.execute(insert, {"now": house.clock.now()})

    browser.send(settled(browser), "/system/rules")

    assert "one contact per address: 1" in settled(browser).text


def test_unsafe_settings_are_told(tmp_path: Path) -> None:
    """Not loopback, and no key: nothing is sent, and the page says why."""
    with opened_house(tmp_path / "far", SENDGRID_HOST="https://api.sendgrid.com") as house:
        house.clock.simulated = False
        text = settled(house.signed_in()).text

    assert "SENDGRID_API_KEY is not set" in text
    assert "no key: every event is refused" in text


def test_dagster_address_is_a_setting(tmp_path: Path) -> None:
    with opened_house(tmp_path / "d", XMIT_DAGSTER_URL="https://dagster.example.com") as house:
        assert 'href="https://dagster.example.com/runs"' in house.signed_in().get("/system").html


def test_reading_key_starts_no_check(house: House, browser: Browser) -> None:
    reader = house.signed_in("reader", KeyScope.READ)
    csrf = reader.get("/system").form("/sign-out").fields["csrf"]

    assert reader.post("/system/rules", {"csrf": csrf}).status == 403
    assert browser.get("/system").status == 200
