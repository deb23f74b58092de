"""`make screenshots`: the demo played anew, and its pages as pictures in docs/screenshots/dashboard/.

Each page in four looks: light and dark, on a desk and on a phone.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.palette import with_palette
from tests.browser.site import served
from tests.browser.watching import DESK, PATIENCE_MS, PHONE, chromium_path, opened_window
from xmit_pipeline.model.clock import WallClock
from xmit_pipeline.model.outcomes import Cause
from xmit_pipeline.model.settings import read_settings
from xmit_pipeline.sandbox.server import running_sandbox
from xmit_pipeline.serving import listener_on, url_of
from xmit_pipeline.store.circuits import fail_circuit
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.keys import create_key

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots" / "dashboard"
XMIT = [sys.executable, "-m", "xmit_pipeline.cli"]
LOOKS = {
    "light": {"color_scheme": "light", "viewport": DESK},
    "dark": {"color_scheme": "dark", "viewport": DESK},
    "phone-light": {"color_scheme": "light", "viewport": PHONE},
    "phone-dark": {"color_scheme": "dark", "viewport": PHONE},
}
TALLEST = {DESK["width"]: 1200, PHONE["width"]: 1500}
"""A longer page is cut off there."""
WIN_BACK = (
    ("We miss you", "{{ firstName | default: 'Hello' }}, it has been a while", 0),
    ("What is new", "Three things that are new since you left", 4),
    ("Last call", "Shall we keep your account open?", 7),
)
BODY = """<p>Hello {{ firstName | default: "there" }},</p>
<p>we have not seen you for some weeks. Your workspace is as you left it, and here is what has changed since.</p>
<p><a href="https://rotafern.example/back">Take a look</a></p>
<p>The people at Rotafern</p>
"""
WARMING = """
INSERT INTO request (id, tick_id, sequence_id, step_id, sender_id, domain_id, state, size, overdue, quota_day,
    day_limit, created_at, posted_at, settled_at)
SELECT uuidv7(), 'pictures', step.sequence_id, step.id, sender.id, sender.domain_id, 'accepted', day.sent, 0,
    ($now::TIMESTAMPTZ AT TIME ZONE 'UTC')::DATE - day.ago, day.most, $now - to_days(day.ago), $now - to_days(day.ago),
    $now - to_days(day.ago)
FROM (VALUES (6, 25, 25), (5, 38, 38), (4, 56, 52), (3, 84, 84), (2, 127, 127), (1, 190, 171), (0, 285, 112))
    AS day(ago, most, sent), sender, (FROM step LIMIT 1) AS step
WHERE sender.email = 'news@news.rotafern.example'
"""
NO_KEY = "The provided authorization grant is invalid, expired, or revoked"
HELD = "The subject is longer than SendGrid takes"
PEOPLE = (
    "Email Address,First Name,Company,Plan\n"
    + "".join(
        f"{name.lower()}@fair.example,{name},{name} & Sons,{plan}\n"
        for name, plan in (("Ines", "pro"), ("Jonas", "free"), ("Kamala", "pro"), ("Liam", "team"))
    )
    + "not an address,Moe,Moe Ltd,free\n"
)


@dataclass(frozen=True)
class Desk:
    """The API of the site in the pictures."""

    client: httpx.Client

    def made(self, path: str, **body: Any) -> Any:
        answer = self.client.post(
            path, content=orjson.dumps(body), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code in (200, 201), (path, answer.text)
        return answer.json()

    def all(self, path: str) -> list[Any]:
        answer = self.client.get(path).json()
        return next(value for value in answer.values() if isinstance(value, list))


def play_demo(home: Path) -> None:
    """As anybody runs it."""
    subprocess.run([*XMIT, "demo"], env={**os.environ, "XMIT_HOME": str(home)}, check=True)


@contextmanager
def demo_site(home: Path) -> Generator[tuple[str, str, EmbeddedStore]]:
    """The demo's store behind the site, in the wall clock's time: its address, a key, and the store."""
    folder = home / "demo"
    with (
        running_sandbox(folder=folder / "sandbox") as sandbox,
        listener_on("127.0.0.1", 0, "The site") as listener,
    ):
        settings = read_settings(
            {"XMIT_HOME": str(folder), "SENDGRID_HOST": sandbox.url, "XMIT_PUBLIC_URL": url_of(listener)}
        )
        store = EmbeddedStore(settings.database)
        with store.transaction() as connection:
            key = create_key(connection, "Mara, marketing", WallClock().now())
        try:
            with served(store, settings, listener):
                yield url_of(listener), key, store
        finally:
            store.close()


def add_beside(desk: Desk) -> dict[str, str]:
    """What a team has beside the demo's one campaign; the places of the pictures, by name."""
    welcome = next(each for each in desk.all("/api/sequences") if each["name"] == "Welcome series")
    newsletter = next(each for each in desk.all("/api/lists") if each["name"] == "Newsletter")
    win_back = desk.made("/api/sequences", name="Win-back", triggerType="manual")["id"]
    steps = [
        desk.made(f"/api/sequences/{win_back}/steps", name=name, subject=subject, bodyHtml=BODY, delayAmount=days,
                  delayUnit="days")["id"]
        for name, subject, days in WIN_BACK
    ]  # fmt: skip
    template = desk.made(
        "/api/templates", name="Plain letter", subject="A word from Rotafern", bodyHtml=BODY
    )["id"]
    webhook = desk.made(
        "/api/webhooks", url="https://hooks.rotafern.example/xmit", events=["email.clicked", "enrollment.exited"],
        description="Tells the CRM",
    )["id"]  # fmt: skip
    left = next(each for each in desk.all(f"/api/sequences/{welcome['id']}/enrollments?status=exited&limit=50")
                if each["exitReason"] == "unsubscribed")  # fmt: skip
    through = desk.all(f"/api/sequences/{welcome['id']}/enrollments?status=completed&limit=1")[0]
    domain = desk.all("/api/domains")[0]["id"]
    main, draft = f"/sequences/{welcome['id']}", f"/sequences/{win_back}"
    return {
        "sequences": "/sequences",
        "setup": f"{draft}/setup",
        "steps": f"{draft}/steps",
        "step": f"{draft}/steps/{steps[0]}",
        "review": f"{draft}/review",
        "sequence": main,
        "people": f"{main}/enrollments",
        "person": f"{main}/enrollments/{left['id']}",
        "enroll": f"{main}/enroll?q=anna",
        "forecast": f"{draft}/forecast?days=30&enrollList={newsletter['id']}&rate=150",
        "contacts": "/contacts",
        "contact": f"/contacts/{through['contactId']}",
        "contact-edit": f"/contacts/{through['contactId']}/edit",
        "lists": "/lists",
        "list": f"/lists/{newsletter['id']}",
        "sending": "/sending",
        "domain": f"/sending/domains/{domain}",
        "senders": "/sending/senders",
        "suppressions": "/sending/suppressions",
        "trouble": "/sending/trouble",
        "system": "/system",
        "settings": "/settings",
        "webhook": f"/settings/webhooks/{webhook}",
        "templates": "/settings/templates",
        "template": f"/settings/templates/{template}",
        "audit": "/settings/audit",
    }


def add_states(desk: Desk, store: EmbeddedStore) -> dict[str, str]:
    """States that a demo gone well never shows: a domain in its first week, a held step, a paused sequence."""
    domain = desk.made("/api/domains", name="news.rotafern.example", verified=True)["id"]
    desk.made("/api/senders", email="news@news.rotafern.example", name="Rotafern news", domainId=domain)
    desk.client.put(f"/api/domains/{domain}/warmup", json={"enabled": True}).raise_for_status()
    places: dict[str, str] = {"warming": f"/sending/domains/{domain}"}
    for name in ("Autumn offer", "Spring fair"):
        sequence = desk.made("/api/sequences", name=name, triggerType="manual")["id"]
        desk.made(f"/api/sequences/{sequence}/steps", name=name, subject=name, bodyHtml=BODY)
        desk.made(f"/api/sequences/{sequence}/activate")
        places["held" if name == "Autumn offer" else "paused"] = f"/sequences/{sequence}"
    desk.made(f"/api{places['paused']}/pause")
    now = WallClock().now()
    with store.transaction() as connection:
        connection.execute(WARMING, {"now": now})
        since = {"since": now - timedelta(days=6)}
        connection.execute("UPDATE domain SET warmup_active_since = $since WHERE name LIKE 'news.%'", since)
        held = {"now": now, "words": HELD}
        connection.execute(
            "UPDATE step SET held_at = $now, hold_reason = $words WHERE name = 'Autumn offer'", held
        )
    return places


def import_file(page: Page, url: str, file: Path) -> tuple[str, str]:
    """Send the same file twice: one stays at its columns, one is taken in; their addresses."""
    places: list[str] = []
    for _ in range(2):
        page.goto(f"{url}/contacts/import")
        page.get_by_label("Contact file").set_input_files(file)
        page.get_by_role("button", name="Send the file").click()
        page.get_by_label("Or on a new list, named").fill("Spring fair")
        places.append(page.url)
    page.get_by_role("button", name="Take the file in").click()
    page.get_by_text("The file is in").wait_for()
    return places[0].removeprefix(url), places[1].removeprefix(url)


def take(browser: Browser, url: str, key: str, look: str, places: dict[str, str]) -> None:
    """Every place in one look."""
    with opened_window(browser, url, **LOOKS[look]) as window:
        window.go("/sign-in")
        picture(window.page, f"sign-in-{look}")
        window.sign_in(key)
        for name, path in places.items():
            window.go(path)
            window.page.wait_for_load_state("networkidle")
            expect(window.page.locator("[data-refresh]")).to_have_count(0, timeout=PATIENCE_MS)
            picture(window.page, f"{name}-{look}")
        window.go(places["sequence"])
        window.page.get_by_role("button", name="Pause").click()
        window.page.get_by_role("button", name="Pause the sequence").wait_for()
        picture(window.page, f"asked-{look}", whole=False)


def take_after(browser: Browser, url: str, key: str, look: str, name: str) -> None:
    """What the other pictures must not show: a new key as it is shown once, and a circuit that is open."""
    with opened_window(browser, url, **LOOKS[look]) as window:
        window.sign_in(key)
        window.go("/settings")
        window.page.get_by_label("Name").fill(name)
        window.page.get_by_role("button", name="Make the key").click()
        window.page.locator("#once").wait_for()
        picture(window.page, f"key-{look}")
        window.go("/sending/trouble")
        picture(window.page, f"circuit-{look}")


def picture(page: Page, name: str, *, whole: bool = True) -> None:
    """The page down to its end, or to where pictures are cut off."""
    width = page.viewport_size["width"] if page.viewport_size else DESK["width"]
    tall = page.evaluate("document.documentElement.scrollHeight") if whole else 0
    height = max(page.viewport_size["height"] if page.viewport_size else 0, min(tall, TALLEST[width]))
    taken = page.screenshot(
        full_page=True, animations="disabled", clip={"x": 0, "y": 0, "width": width, "height": height}
    )
    (FOLDER / f"{name}.png").write_bytes(with_palette(page, taken))


def main(home: Path, names: list[str]) -> None:
    """Take all pictures, or those of the places named; a demo that was played in this home already is used."""
    if not (home / "demo" / "xmit.duckdb").exists():
        play_demo(home)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with demo_site(home) as (url, key, store), sync_playwright() as playwright:
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
            places = add_beside(Desk(client)) | add_states(Desk(client), store)
        browser = playwright.chromium.launch(executable_path=chromium_path(playwright), args=["--no-sandbox"])
        with opened_window(browser, url) as window:
            window.sign_in(key)
            file = home / "spring-fair.csv"
            file.write_text(PEOPLE)
            places["import-columns"], places["import"] = import_file(window.page, url, file)
        places = {name: path for name, path in places.items() if not names or name in (*names, "sequence")}
        for look in LOOKS:
            take(browser, url, key, look, places)
        with store.transaction() as connection:
            fail_circuit(connection, WallClock().now(), Cause.CREDENTIALS, NO_KEY)
        for look, name in zip(LOOKS, ("Shop", "CRM", "Warehouse", "Partner"), strict=True):
            take_after(browser, url, key, look, name)
        browser.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="xmit-pictures-") as folder:
        main(Path(folder), sys.argv[1:])
