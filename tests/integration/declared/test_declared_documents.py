"""What docs/sequences-as-code.md says of the file is what the command takes."""

import re
from pathlib import Path

import pytest

from tests.integration.declared.files import Desk
from xmit_pipeline.cli.declared_file import read_declaration
from xmit_pipeline.cli.declared_shapes import KEYS

DOCUMENT = (Path(__file__).parents[3] / "docs" / "sequences-as-code.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
TABLE = DOCUMENT.split("## The file")[1].split("```")[0]


@pytest.mark.parametrize("block", BLOCKS)
def test_each_example_of_the_document_is_a_good_file(desk: Desk, block: str):
    desk.write("<p>Hello</p>", "bodies/hello.html")
    declaration, _ = read_declaration(desk.write(block))
    assert declaration.sequences


@pytest.mark.parametrize("key", sorted({key for keys in KEYS.values() for key in keys}))
def test_each_key_is_in_the_documents_table(key: str):
    assert f"`{key}`" in TABLE
