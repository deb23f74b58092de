"""The product page's own calls, to the letter (SPEC 8)."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.api.client import Api
from tests.integration.api.served import Served, served_api
from xmit_pipeline.sandbox.server import RunningSandbox

PROJECT = Path(__file__).parents[3]


def test_seed_calls_work_to_the_letter(api: Api) -> None:
    """SPEC 8: create, add step, activate, add to the list, enroll, list enrollments."""
    list_id, sender_id = api.new_list(), api.new_sender(api.new_domain())
    first, second, third = (api.new_contact(f"{name}@example.org") for name in ("ada", "grace", "edsger"))

    sequence = api.made(
        "/api/sequences",
        {
            "name": "Welcome Series",
            "triggerType": "list_add",
            "triggerListId": list_id,
            "senderId": sender_id,
            "enrollExisting": False,
        },
    )
    here = f"/api/sequences/{sequence['id']}"
    step = api.made(
        f"{here}/steps",
        {
            "name": "Welcome Email",
            "subject": "Welcome to {{companyName}}!",
            "bodyHtml": "<p>Hello {{firstName}},</p><p>Welcome aboard!</p>",
            "delayAmount": 0,
            "delayUnit": "days",
        },
    )
    activated = api.made(f"{here}/activate")
    added = api.made(f"/api/lists/{list_id}/contacts", {"contactIds": [first]})
    enrolled = api.made(f"{here}/enroll", {"contactIds": [second, third]})
    page = api.found(f"{here}/enrollments?status=active&limit=50&offset=0")

    assert (sequence["status"], activated["status"], step["position"]) == ("draft", "active", 1)
    assert (added, enrolled["enrolled"], enrolled["skipped"]) == ({"added": 1}, 2, 0)
    assert {row["contactId"] for row in page["enrollments"]} == {first, second, third}
    assert (page["totalCount"], page["limit"], page["offset"]) == (3, 50, 0)


def test_seed_calls_work_below_v1(api: Api) -> None:
    """SPEC 8: /v1 is an alias."""
    sequence_id = api.new_active()
    contact_id = api.new_contact()

    enrolled = api.made(f"/v1/sequences/{sequence_id}/enroll", {"contactIds": [contact_id]})

    assert enrolled["enrolled"] == 1
    assert api.found(f"/v1/sequences/{sequence_id}") == api.found(f"/api/sequences/{sequence_id}")


def test_import_onto_the_list_enrolls(api: Api) -> None:
    """SPEC 2, Triggers: bulk import fires the list like an add does."""
    list_id = api.new_list()
    sequence_id = api.new_active(triggerType="list_add", triggerListId=list_id)

    api.made("/api/contacts/import", {"contacts": [{"email": "ada@example.org"}], "listId": list_id})

    page = api.found(f"/api/sequences/{sequence_id}/enrollments")
    assert [row["source"] for row in page["enrollments"]] == ["import"]


@pytest.fixture
def served(home: Path, sandbox: RunningSandbox) -> Iterator[Served]:
    """The API as users run it, beside a sandbox."""
    with served_api(home, sandbox.url) as running:
        yield running


def _seeded(served: Served) -> dict[str, str]:
    """What the page takes for granted: a verified sender, a list, two contacts."""
    with httpx.Client(base_url=f"{served.url}/api", headers=served.headers, timeout=30) as client:

        def made(path: str, **body: object) -> str:
            return client.post(path, json=body).raise_for_status().json()["id"]

        domain_id = made("/domains", name="example.com", verified=True)
        metadata = {"companyName": "Analytical Engines"}
        return {
            "snd_xxx": made("/senders", domainId=domain_id, email="hello@example.com"),
            "lst_xxx": made("/lists", name="Customers"),
            "con_xxx": made("/contacts", email="ada@example.org", firstName="Ada", metadata=metadata),
            "con_yyy": made("/contacts", email="grace@example.org", firstName="Grace", metadata=metadata),
        }


def _asked(line: str, ids: dict[str, str], served: Served) -> dict[str, Any]:
    for given, known in ids.items():
        line = line.replace(given, known)
    environment = {**os.environ, "XMIT": served.url, "KEY": served.key}
    told = subprocess.run(["bash", "-c", f"{line} -sS"], env=environment, capture_output=True, check=True)
    return json.loads(told.stdout)


def test_page_lines_send_the_welcome_mail(served: Served, sandbox: RunningSandbox) -> None:
    """Issue 5, Must hold: only host and key changed, the page's lines do what it says, into the sandbox."""
    ids = _seeded(served)
    script = (PROJECT / "examples" / "seed-calls.sh").read_text()
    lines = [f"curl {part}".split("\n\n")[0].strip() for part in script.split("\ncurl ")[1:]]

    answers = []
    for line in lines:
        answers.append(_asked(line, ids, served))
        ids.setdefault("seq_xxx", answers[0]["id"])
    tick = [PROJECT / ".venv" / "bin" / "xmit", "tick"]
    subprocess.run(tick, env=served.environment, cwd=PROJECT, capture_output=True, check=True)

    sequence, step, activated, added, enrolled, page = answers
    assert (sequence["status"], step["position"], activated["status"]) == ("draft", 1, "active")
    assert added == {"added": 1}
    assert (enrolled["enrolled"], enrolled["skipped"]) == (1, 1)
    assert {row["contactId"] for row in page["enrollments"]} == {ids["con_xxx"], ids["con_yyy"]}
    mails = {mail.to: mail for mail in sandbox.mailbox.page(limit=10).mails}
    assert set(mails) == {"ada@example.org", "grace@example.org"}
    assert mails["ada@example.org"].subject == "Welcome to Analytical Engines!"
    assert "Hello Ada," in (mails["ada@example.org"].html or "")
