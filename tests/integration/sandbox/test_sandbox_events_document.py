"""docs/sandbox.md: each command in it does what it says."""

import re
from pathlib import Path

import orjson
import pytest

from tests.integration.sandbox.events_town import KEY, Town
from xmit_pipeline.sandbox.people import PeopleOrder

DOCUMENT = Path(__file__).parents[3] / "docs" / "sandbox.md"
COMMAND = re.compile(
    r"^curl (?:-X (?P<method>\w+) )?http://127\.0\.0\.1:8025(?P<path>\S*)"
    r"(?:[^'\n]*'Content-Type[^']*' -d '(?P<body>[^']*)')?",
    re.MULTILINE,
)
COMMANDS = [match.groupdict() for match in COMMAND.finditer(DOCUMENT.read_text())]


def test_the_document_has_its_commands():
    assert len(COMMANDS) == DOCUMENT.read_text().count("\ncurl ") > 10


@pytest.mark.parametrize(
    "command", COMMANDS, ids=lambda command: f"{command['method'] or 'GET'} {command['path']}"
)
def test_each_command_of_the_document_works(town: Town, command: dict[str, str | None]):
    answer = town.http.request(
        command["method"] or "GET", f"{town.sandbox.url}{command['path']}", body=command["body"],
        headers={"Content-Type": "application/json", **KEY},
    )  # fmt: skip
    assert answer.status == 200, answer.data


def test_the_document_tells_the_usual_rates():
    [told] = [
        orjson.loads(each["body"]) for each in COMMANDS if each["path"] == "/_sandbox/people" and each["body"]
    ]
    assert told == PeopleOrder().model_dump()
