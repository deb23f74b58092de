"""Files to apply in a test's world, and what comes of it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from tests.campaigns import START, World
from xmit_pipeline.cli.declared_file import read_declaration
from xmit_pipeline.store.declared import Change, Differences, Mark
from xmit_pipeline.store.declared_apply import apply, differences

DOMAIN = {"name": "example.com", "verified": True}
SENDER = {"email": "hello@example.com"}
NEWS = {"name": "News"}


def step(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "subject": f"About {name}", "bodyHtml": "<p>x</p>", **fields}


def sequence(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"name": "Welcome", "status": "active", "triggerList": "News", "steps": list(steps), **fields}


def content(*sequences: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A whole file: one verified domain, one sender, one list, and these sequences."""
    return {"domains": [DOMAIN], "senders": [SENDER], "lists": [NEWS], "sequences": list(sequences), **parts}


@dataclass
class Desk:
    """Files written, looked at, and applied to the world's store."""

    world: World
    folder: Path

    def write(self, text: str, name: str = "file.yaml") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def look(self, given: dict[str, Any], now: datetime = START) -> Differences:
        """What a file of this content would change, by its way through YAML."""
        declaration, source = read_declaration(self.write(yaml.safe_dump(given, sort_keys=False)))
        found = differences(self.world.store, declaration, now)
        if found.faults:
            raise source.refusal(found.faults)
        return found

    def apply(self, given: dict[str, Any], now: datetime = START) -> Differences:
        """Apply it, and see that a second time there is nothing to change."""
        found = self.look(given, now)
        declaration, _ = read_declaration(self.folder / "file.yaml")
        apply(self.world.store, declaration, now, found)
        assert self.look(given, now).changes == []
        return found

    def steps(self) -> list[str]:
        """Names of the live steps in order."""
        rows = self.world.rows("SELECT name FROM step WHERE deleted_at IS NULL ORDER BY position")
        return [row["name"] for row in rows]

    def status(self) -> str:
        [row] = self.world.rows("SELECT status FROM sequence WHERE deleted_at IS NULL")
        return row["status"]


def marked(changes: tuple[Change, ...] | list[Change]) -> list[tuple[Mark, str, str]]:
    """Each change without its fields."""
    return [(change.mark, change.kind, change.name) for change in changes]


def fields(change: Change) -> dict[str, tuple[Any, Any]]:
    """Each field with what was before and what is after."""
    return {field.field: (field.before, field.after) for field in change.fields}
