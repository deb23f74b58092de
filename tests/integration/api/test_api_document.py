"""docs/api.md: its lines work in their order, and there is one for every call (SPEC 8)."""

import os
import re
import subprocess
from pathlib import Path

import httpx

from tests.integration.api.served import Served, served_api
from xmit_pipeline.model.ids import Kind
from xmit_pipeline.sandbox.server import RunningSandbox

PROJECT = Path(__file__).parents[3]
DOCUMENT = PROJECT / "docs" / "api.md"
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
CURLRC = 'silent\nwrite-out = "\\n%{http_code} %{method} %{url_effective}"\n'


def _lines() -> list[str]:
    return [line for block in SHELL_BLOCK.findall(DOCUMENT.read_text()) for line in block.splitlines()]


def _run(line: str, environment: dict[str, str]) -> tuple[str, int, str, str]:
    """Body, status, method and path of what a line asked."""
    finished = subprocess.run(
        ["bash", "-c", line], env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, f"{line}\n{finished.stderr}"
    body, _, told = finished.stdout.rpartition("\n")
    status, method, url = told.split(" ", 2)
    return body, int(status), method, httpx.URL(url).path


def _environment(served: Served, folder: Path) -> dict[str, str]:
    (folder / ".curlrc").write_text(CURLRC)
    mine = {"CURL_HOME": str(folder), "XMIT": served.url, "AUTH": f"Authorization: Bearer {served.key}"}
    return {**os.environ, **mine}


def _remember(body: str, environment: dict[str, str]) -> None:
    """`$LIST` is the id of the list that an answer named first, and so on."""
    for kind in Kind:
        found = re.search(rf'"id":"({kind.value}_\w+)"', body)
        if found:
            environment[kind.name] = found[1]


def _tick(served: Served) -> None:
    command = [PROJECT / ".venv" / "bin" / "xmit", "tick"]
    subprocess.run(command, env=served.environment, cwd=PROJECT, capture_output=True, check=True)


def test_every_line_of_the_document_works(home: Path, sandbox: RunningSandbox, tmp_path: Path) -> None:
    """Issue 5, 8: copyable curl for each call, run as written; mail goes out in between."""
    with served_api(home, sandbox.url) as served:
        environment, asked = _environment(served, tmp_path), set[tuple[str, str]]()
        for line in _lines():
            if "/api/messages?sequenceId" in line:
                _tick(served)
            body, status, method, path = _run(line, environment)
            assert status in (200, 201), f"{line}\n{status} {body}"
            _remember(body, environment)
            asked.add((method, path))
        calls = httpx.get(f"{served.url}/openapi.json").json()["paths"]

    missing = [
        f"{method.upper()} {path}"
        for path, methods in calls.items()
        for method in methods
        if not any(asked_by == method.upper() and _fits(path, at) for asked_by, at in asked)
    ]
    assert missing == []


def _fits(template: str, path: str) -> bool:
    """Whether a path is one of a template; what stands where a parameter does is no word of ours."""
    pattern = re.sub(r"\\\{\w+\\\}", r"[^/]*[_@][^/]*", re.escape(template))
    return re.fullmatch(pattern, path) is not None
