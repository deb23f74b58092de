"""A folder for files, beside the test's world."""

from pathlib import Path

import pytest

from tests.campaigns import World
from tests.integration.declared.files import Desk


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Desk:
    return Desk(world, tmp_path / "files")
