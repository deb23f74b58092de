"""A site with something on every page, made by the API's own calls; whatever people may write holds markup."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from tests.acceptance.running_up import wait_for
from tests.browser.site import Site
from xmit_pipeline.dashboard.import_work import start_import
from xmit_pipeline.dashboard.pages import ROUTES
from xmit_pipeline.dashboard.uploads import ImportRecord, ImportState, Uploads
from xmit_pipeline.model.ids import Kind, parse_id, public_id
from xmit_pipeline.model.outcomes import Cause
from xmit_pipeline.store.circuits import fail_circuit
from xmit_pipeline.store.contact_file_heads import file_head
from xmit_pipeline.store.webhook_queue import queue_untold

MARK = "/ran"
"""Asked for by whatever runs that must not."""
IMAGE = f"<img src=\"data:,x\" onerror=\"new Image().src='{MARK}';alert('image')\">"
SCRIPT = f"<script>new Image().src='{MARK}';alert('script')</script>"
EVIL = f"{IMAGE}{SCRIPT}"
FILE = f"Email,{IMAGE.replace(',', '')}\nada@file.example,{SCRIPT.replace(',', '')}\nnobody{IMAGE}\n"

NOT_PAGES = ("/", "/sign-in", "/contacts/import/{upload_id}/refused.csv")
"""Addresses that are answered with no page, or that are looked at by themselves."""
MORE = (
    "/sequences/{sequence_id}/enrollments?status=exited",
    "/sequences/{sequence_id}/forecast?days=20",
    "/sequences/{sequence_id}/enroll?q=person",
    "/sequences?status=archived",
    "/contacts?q=nobody-at-all",
    "/contacts/import/{ready_id}",
    "/sequences/{held_id}",
    "/sequences/{held_id}/steps/{held_step_id}",
    "/sequences/{paused_id}",
    "/sequences/{paused_id}/setup",
    "/sequences/{unknown_id}/enrollments",
    "/sequences/{unknown_id}/enrollments/{unknown_enrollment_id}",
    "/no/such/page",
)
"""Pages that show something else with a query."""


@dataclass
class Furnished:
    """`ids` by the names that addresses have for them."""

    site: Site
    key: str
    ids: dict[str, str] = field(default_factory=dict[str, str])

    def pages(self) -> list[str]:
        """Every address that the dashboard has a page at."""
        paths = [
            route.path
            for module in ROUTES
            for route in module.router.routes
            if "GET" in route.methods and route.path not in NOT_PAGES
        ]
        return [path.format(**self.ids) for path in dict.fromkeys([*paths, *MORE])]


def furnish(site: Site) -> Furnished:
    """People in an active sequence, some of whom left; a draft; one of everything that the menu leads to."""
    world, key = site.world, site.key()
    with httpx.Client(base_url=site.url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:

        def made(path: str, **body: Any) -> Any:
            answer = client.post(
                path, content=orjson.dumps(body), headers={"Content-Type": "application/json"}
            )
            assert answer.status_code in (200, 201), (path, answer.text)
            return answer.json()

        def first(path: str) -> str:
            answer = client.get(path).json()
            return next(value for value in answer.values() if isinstance(value, list))[0]["id"]

        world.domain("spring.example", warmup_on=True)
        domain = first("/api/domains")
        sender = made("/api/senders", email="evil@spring.example", name=EVIL, domainId=domain)["id"]
        a_list = made("/api/lists", name=f"List {EVIL}", description=EVIL)["id"]
        people = [
            {
                "email": f"person{n}@example.net",
                "firstName": EVIL,
                "lastName": f"Person {n}",
                "metadata": {"note": EVIL},
            }
            for n in range(30)
        ]
        made("/api/contacts/import", contacts=people, listId=a_list)
        sequence = made("/api/sequences", name=f"Sequence {EVIL}", triggerType="list_add", triggerListId=a_list,
                        senderId=sender, enrollExisting=True)["id"]  # fmt: skip
        steps = [
            made(f"/api/sequences/{sequence}/steps", name=f"Step {n} {EVIL}", subject=f"For {{{{ firstName }}}} {EVIL}",
                 bodyHtml=f"<p>Hello {{{{ firstName }}}} {{{{ note }}}}</p>{EVIL}", delayAmount=n, delayUnit="days")
            for n in range(3)
        ]  # fmt: skip
        made(f"/api/sequences/{sequence}/activate")
        made("/api/sequences", name="A draft", triggerType="manual")
        site.pass_time(minutes=1)
        site.pass_time(days=1)
        enrolled = client.get(f"/api/sequences/{sequence}/enrollments?limit=60").json()["enrollments"]
        sent_to = next(each for each in enrolled if each["lastSentAt"])
        made(f"/api/sequences/{sequence}/enrollments/{enrolled[0]['id']}/exit")
        template = made("/api/templates", name=f"Template {EVIL}", subject=EVIL, bodyHtml=f"<p>Hi</p>{EVIL}")[
            "id"
        ]
        webhook = made(
            "/api/webhooks", url="https://hooks.spring.example/in", events=["email.sent"], description=EVIL
        )
        troubled = trouble(site, made)
        queue_untold(world.store, site.clock.now(), site.clock.now())
        made("/api/suppressions", email="never@example.org", reason="manual")
        site.pass_time(minutes=1)
    uploads = {name: _uploaded(site, done=done) for name, done in (("upload_id", True), ("ready_id", False))}
    return Furnished(
        site, key,
        {
            "sequence_id": sequence, "step_id": steps[0]["id"], "enrollment_id": sent_to["id"],
            "contact_id": sent_to["contactId"], "list_id": a_list, "domain_id": domain, "sender_id": sender,
            "template_id": template, "webhook_id": webhook["id"], **uploads, **troubled,
        },
    )  # fmt: skip


def trouble(site: Site, made: Callable[..., Any]) -> dict[str, str]:
    """A paused sequence, one whose mail left and was never answered, a held step, and an open circuit; their ids."""
    world = site.world
    sender = made("/api/senders", email="calm@calm.example", domainId=_domain(made))["id"]

    def running(name: str, people: int) -> str:
        sequence = made("/api/sequences", name=f"{name} {EVIL}", triggerType="manual", senderId=sender)["id"]
        made(f"/api/sequences/{sequence}/steps", name=f"{name} {EVIL}", subject="Hi", bodyHtml="<p>Hi</p>")
        made(f"/api/sequences/{sequence}/activate")
        contacts = [{"email": f"{name.lower()}{n}@example.net"} for n in range(people)]
        ids = [each["id"] for each in made("/api/contacts/bulk", contacts=contacts)["contacts"]]
        made(f"/api/sequences/{sequence}/enroll", contactIds=ids)
        return sequence

    unknown = running("Unknown", 3)
    world.faults({"kind": "reset", "when": "after"})
    site.pass_time(minutes=1)
    world.faults()
    paused, held = running("Paused", 2), running("Held", 2)
    made(f"/api/sequences/{paused}/pause")
    held_id = parse_id(Kind.SEQUENCE, held)
    words = {"now": site.clock.now(), "words": f"refused: {EVIL}", "id": held_id}
    world.change("UPDATE step SET held_at = $now, hold_reason = $words WHERE sequence_id = $id", **words)
    with world.store.transaction() as connection:
        fail_circuit(connection, site.clock.now(), Cause.CREDENTIALS, f"The key is gone {EVIL}")
    [step] = world.rows("SELECT id FROM step WHERE sequence_id = $id", id=held_id)
    [lost, *_] = world.rows("SELECT enrollment_id FROM message WHERE state = 'unknown'")
    return {
        "unknown_id": unknown, "unknown_enrollment_id": public_id(Kind.ENROLLMENT, lost["enrollment_id"]),
        "paused_id": paused, "held_id": held, "held_step_id": public_id(Kind.STEP, step["id"]),
    }  # fmt: skip


def _domain(made: Callable[..., Any]) -> str:
    """A domain without a warmup."""
    return made("/api/domains", name="calm.example", verified=True)["id"]


def _uploaded(site: Site, *, done: bool) -> str:
    """A file that was sent, and taken in where it is done; one row of it is refused."""
    world, uploads = site.world, Uploads(site.world.settings.home)
    upload_id, path = uploads.begin(f"{SCRIPT}.csv")
    path.write_text(FILE)
    head = file_head(path)
    examples = [head.examples(place) for place in range(len(head.headers))]
    record = ImportRecord(
        upload_id, f"{SCRIPT}.csv", len(FILE), EVIL, site.clock.now(), list(head.headers), examples
    )
    uploads.keep(record)
    if done:
        start_import(world.store, site.clock, uploads, record)
        wait_for(lambda: uploads.get(upload_id).state in (ImportState.DONE, ImportState.FAILED), 60)
    return upload_id
