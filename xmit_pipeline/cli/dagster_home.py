"""Dagster's own storage under `$XMIT_HOME/dagster`, from the one `dagster.yaml` at the project's root.

A bare `dagster dev` reads that file as it stands (storage in `.dagster`); here the base folders are moved.
"""

import os
from pathlib import Path

import yaml

from xmit_pipeline.model.errors import ConfigurationFault
from xmit_pipeline.model.settings import Settings

PROJECT = Path(__file__).parents[2]


def prepared_home(settings: Settings) -> Path:
    """The folder for DAGSTER_HOME, with its `dagster.yaml` written."""
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    _replace(home / "dagster.yaml", yaml.safe_dump(_moved(_root_config(), home), sort_keys=False))
    return home


def _root_config() -> dict[str, object]:
    path = PROJECT / "dagster.yaml"
    if not path.exists():
        raise ConfigurationFault(f"{path} is missing; run xmit from a clone of its repository.")
    return yaml.safe_load(path.read_text())


def _moved(node: object, home: Path) -> object:
    if isinstance(node, dict):
        return {
            key: _place(value, home) if key == "base_dir" else _moved(value, home)
            for key, value in node.items()
        }
    return node


def _place(base_dir: str, home: Path) -> str:
    return str(home / Path(base_dir).relative_to(".dagster"))


def _replace(path: Path, text: str) -> None:
    """Whole or not at all: a daemon may be reading it."""
    if path.exists() and path.read_text() == text:
        return
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.write_text(text)
    fresh.replace(path)
