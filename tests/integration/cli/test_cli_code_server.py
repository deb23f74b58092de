"""What the code server imports once for all its runs (DESIGN 6)."""

import subprocess
import sys

import pytest

from xmit_pipeline.cli.code_server import IMPORTED_ONCE

LOOK = """
import os, sys
from importlib import import_module
for name in sys.argv[1:]:
    import_module(name)
print(len(os.listdir("/proc/self/task")), sorted({"duckdb", "polars"} & set(sys.modules)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Threads of a process are counted in /proc.")
def test_what_runs_are_forked_from_has_one_thread():
    """A forked process would wait for ever for a thread that stayed behind; DuckDB and polars start some."""
    command = [sys.executable, "-c", LOOK, *IMPORTED_ONCE]
    looked = subprocess.run(command, capture_output=True, text=True, check=True)
    assert looked.stdout.strip() == "1 []"
