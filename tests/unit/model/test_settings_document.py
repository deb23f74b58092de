"""docs/settings.md names what is read, no more and no less."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from xmit_pipeline.model.settings import read_settings

DOCUMENT = Path(__file__).parents[3] / "docs" / "settings.md"


class Asked(Mapping[str, str]):
    """An environment in which only the home is set; remembers what it was asked for."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        if name == "XMIT_HOME":
            return str(self.home)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_every_setting_is_in_the_document(tmp_path: Path):
    asked = Asked(tmp_path)
    read_settings(asked)
    rows = [line.split("|")[1] for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)} == asked.names
