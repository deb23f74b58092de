"""Every request has a name, in its answer and in its log line (SPEC 8)."""

import json
import logging
import re
from pathlib import Path

import pytest
from fastapi import APIRouter

from tests.integration.api.client import Api, TestClient, opened_api
from xmit_pipeline.api.log_lines import JsonLines, log_lines_in
from xmit_pipeline.api.request_log import request_id

MADE = re.compile(r"[0-9a-f]{32}")


@pytest.mark.parametrize("given", ["abc-123", "a:b.c_d", "x" * 128])
def test_sane_name_is_taken_over(shared_api: Api, given: str) -> None:
    """X-Request-Id: a client's own name comes back."""
    answer = shared_api.client.get("/api/lists", headers={"X-Request-Id": given})
    assert answer.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "two words", "x" * 129, 'quote"', "näme".encode(), "{}"])
def test_strange_name_is_replaced(shared_api: Api, given: str | bytes) -> None:
    """Nothing of a stranger's choosing gets into the log's structure."""
    answer = shared_api.client.get("/api/lists", headers={"X-Request-Id": given})
    assert MADE.fullmatch(answer.headers["x-request-id"])


@pytest.mark.parametrize(
    "path", ["/api", "/healthz", "/readyz", "/metrics", "/nothing", "/api/lists/x", "/v1/lists"]
)
def test_every_answer_carries_a_name(shared_api: Api, path: str) -> None:
    assert MADE.fullmatch(shared_api.client.get(path).headers["x-request-id"])


def test_refused_key_is_named_and_logged(shared_api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """A 401 is found in the log by its name."""
    with caplog.at_level(logging.INFO, "xmit.api"):
        answer = shared_api.client.get(
            "/api/lists", headers={"Authorization": "Bearer x", "X-Request-Id": "n1"}
        )
    assert answer.status_code == 401
    assert caplog.records[-1].__dict__["fields"]["status"] == 401


@pytest.mark.parametrize("path", ["/u/a-token", "/u/a-token/more"])
def test_tokens_of_mails_stay_out(shared_api: Api, caplog: pytest.LogCaptureFixture, path: str) -> None:
    """SPEC 7: a link never expires, and the log is read by others than its person."""
    with caplog.at_level(logging.INFO):
        shared_api.client.get(path)
        shared_api.client.post(path)
    logged = [record for record in caplog.records if record.name.startswith("xmit")]
    assert len(logged) >= 2
    assert "a-token" not in str([record.__dict__ for record in logged])


def test_line_tells_who_asked_what(shared_api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """Method, path, route, status, time, size and the key's name; never its text."""
    with caplog.at_level(logging.INFO, "xmit.api"):
        shared_api.client.get("/v1/lists?limit=3")
    fields = caplog.records[-1].__dict__["fields"]
    assert fields.pop("milliseconds") > 0
    assert fields.pop("bytes") > 0
    assert fields == {
        "method": "GET", "path": "/api/lists", "route": "/api/lists", "status": 200, "key": "tests",
    }  # fmt: skip


def test_failure_inside_is_answered_and_traced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A fault of ours: 500 in the one form, with the name under which the log has the traceback."""
    router = APIRouter()

    @router.get("/broken")
    def broken() -> None:
        raise ZeroDivisionError("inside")

    with opened_api(tmp_path) as api:
        app = api.client.app
        app.include_router(router)  # type: ignore[attr-defined]  (a FastAPI)
        answer = TestClient(app).get("/broken", headers={"X-Request-Id": "broken-1"})

    assert answer.status_code == 500
    assert answer.headers["x-request-id"] == "broken-1"
    assert "broken-1" in answer.json()["error"]
    assert any(record.exc_info and record.exc_info[0] is ZeroDivisionError for record in caplog.records)


def test_lines_are_json_whatever_they_hold() -> None:
    """One object a line, also for lone surrogates, line breaks and quotes."""
    record = logging.LogRecord("xmit.api", logging.INFO, "", 0, "request", None, None)
    record.__dict__["fields"] = {"path": '/a"\n\ud800', "status": 200}
    token = request_id.set("n2")
    try:
        line = JsonLines().format(record)
    finally:
        request_id.reset(token)

    told = json.loads(line)
    assert "\n" not in line
    assert (told["requestId"], told["event"], told["level"], told["status"]) == ("n2", "request", "info", 200)


def test_log_goes_to_a_file(tmp_path: Path) -> None:
    """`XMIT_HOME/logs/api.jsonl`, a line an event, and nothing of it stays in the process."""
    logger = logging.getLogger("xmit")
    before = (list(logger.handlers), logger.level, logger.propagate)

    with log_lines_in(tmp_path / "logs") as path:
        logging.getLogger("xmit.api").info("request", extra={"fields": {"status": 200}})
    logging.getLogger("xmit.api").info("after", extra={"fields": {"status": 500}})

    assert path == tmp_path / "logs" / "api.jsonl"
    assert [json.loads(line)["status"] for line in path.read_text().splitlines()] == [200]
    assert (logger.handlers, logger.level, logger.propagate) == before
