"""schemathesis over the whole OpenAPI document, against the real server on a real store (SPEC 8, 9)."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.integration.api.served import Served, served_api
from xmit_pipeline.sandbox.server import RunningSandbox

HERE = Path(__file__).parent
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
EXAMPLES = int(os.environ.get("XMIT_FUZZ_EXAMPLES", "0"))
"""Examples for each call; `make fuzz` gives 40, which makes more than 5,000 cases."""


def _furnish(served: Served) -> None:
    """Something of each kind: a sender that may send, people on a list, and a sequence that they are in."""
    with httpx.Client(base_url=f"{served.url}/api", headers=served.headers, timeout=30) as client:

        def made(path: str, **body: object) -> str:
            return client.post(path, json=body).raise_for_status().json().get("id", "")

        domain_id = made("/domains", name="fuzz.example.com", verified=True)
        made("/senders", domainId=domain_id, email="hello@fuzz.example.com")
        list_id = made("/lists", name="Everybody")
        sequence_id = made("/sequences", name="Welcome", triggerType="list_add", triggerListId=list_id)
        words = {"subject": "Hello {{ firstName }}", "bodyHtml": "<p>Hello</p>"}
        made(f"/sequences/{sequence_id}/steps", name="Hello", **words)
        made(f"/sequences/{sequence_id}/activate")
        people = [{"email": f"person{number}@example.org"} for number in range(5)]
        made("/contacts/import", contacts=people, listId=list_id)
        made("/templates", name="Hello", **words)
        made("/suppressions", email="nobody@example.org")


def _fuzz(served: Served, *options: str) -> str:
    command = [
        str(SCHEMATHESIS), "--config-file", str(HERE / "schemathesis.toml"),
        "run", f"{served.url}/openapi.json", "--url", served.url, "--header", f"Authorization: Bearer {served.key}",
        "--checks", "all", "--no-color", "--suppress-health-check", "all", *options,
    ]  # fmt: skip
    finished = subprocess.run(command, capture_output=True, text=True, check=False, cwd=served.home)
    assert finished.returncode == 0, finished.stdout[-20_000:] + finished.stderr[-2_000:]
    return finished.stdout


def _cases(told: str) -> int:
    found = re.search(r"([\d,]+) generated", told)
    assert found, told[-3000:]
    return int(found[1].replace(",", ""))


def test_no_answer_breaks_the_document(home: Path, sandbox: RunningSandbox) -> None:
    """SPEC 9: some hundreds of cases: no 5xx, no undocumented status, no schema mismatch."""
    with served_api(home, sandbox.url) as served:
        _furnish(served)
        told = _fuzz(served, "--phases", "examples,fuzzing,stateful", "--max-examples", "2", "--seed", "1")

    assert _cases(told) >= 300


@pytest.mark.skipif(not EXAMPLES, reason="the long form: make fuzz")
def test_no_answer_breaks_the_document_in_thousands(home: Path, sandbox: RunningSandbox) -> None:
    """SPEC 8, Must hold: all checks, stateful, at least 5,000 cases."""
    with served_api(home, sandbox.url) as served:
        _furnish(served)
        told = _fuzz(
            served, "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", str(EXAMPLES)
        )

    sys.stderr.write(told[told.index("API capabilities") :])
    assert _cases(told) >= 5000
