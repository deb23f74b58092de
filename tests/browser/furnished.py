"""A site with something on every page, made by the API's own calls; whatever people may write holds markup."""

from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from tests.acceptance.running_up import wait_for
from tests.browser.site import Site
from xmit_pipeline.dashboard.import_work import start_import
from xmit_pipeline.dashboard.pages import ROUTES
from xmit_pipeline.dashboard.uploads import ImportRecord, ImportState, Uploads
from xmit_pipeline.store.contact_file_heads import file_head

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
        made("/api/suppressions", email="never@example.org", reason="manual")
        site.pass_time(minutes=1)
    uploads = {name: _uploaded(site, done=done) for name, done in (("upload_id", True), ("ready_id", False))}
    return Furnished(
        site, key,
        {
            "sequence_id": sequence, "step_id": steps[0]["id"], "enrollment_id": sent_to["id"],
            "contact_id": sent_to["contactId"], "list_id": a_list, "domain_id": domain, "sender_id": sender,
            "template_id": template, "webhook_id": webhook["id"], **uploads,
        },
    )  # fmt: skip


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
