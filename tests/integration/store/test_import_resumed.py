"""An import that died and was run again ends as one that went through (PAINS G4)."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from uuid import UUID

from tests.campaigns import START, World
from xmit_pipeline.store import invariants, lists
from xmit_pipeline.store.imports import import_file

PEOPLE = 20_000
IMPORT = """
    import sys
    from pathlib import Path
    from uuid import UUID
    from tests.campaigns import START
    from xmit_pipeline.store import imports
    from xmit_pipeline.store.connection import EmbeddedStore
    imports.SLICE = 1_000
    imports.import_file(EmbeddedStore(Path(sys.argv[1])), Path(sys.argv[2]), overrides={}, list_id=UUID(sys.argv[3]),
        now=START, progress=lambda result: print(result.done, flush=True))
"""
FIGURES = """
SELECT (SELECT count(*) FROM contact) AS contacts, (SELECT count(DISTINCT email) FROM contact) AS addresses,
    (SELECT count(*) FROM list_member) AS members, (SELECT count(*) FROM list_ledger) AS pairs,
    (SELECT count(*) FROM enrollment) AS enrollments,
    (SELECT count(DISTINCT contact_id) FROM enrollment WHERE status = 'active') AS enrolled
"""


def killed_after_three_slices(world: World, path: Path, list_id: UUID) -> None:
    """The import as a process of its own, killed while it is at work."""
    world.store.close()
    command = [sys.executable, "-c", textwrap.dedent(IMPORT), str(world.store.path), str(path), str(list_id)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(3):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)


def test_killed_import_ends_the_same(world: World) -> None:
    """PAINS G4: everybody once a contact, on the list, in its ledger and in its sequence, whatever was cut off."""
    world.domain()
    with world.store.transaction() as connection:
        list_id = lists.create_list(connection, "News", START)
    world.sequence(list_id=list_id)
    path = world.settings.home / "people.csv"
    rows = "".join(f"person{number}@example.com,Name {number}\n" for number in range(PEOPLE))
    path.write_text("email,first name\n" + rows)

    killed_after_three_slices(world, path, list_id)
    [partly] = world.rows(FIGURES)
    import_file(world.store, path, overrides={}, list_id=list_id, now=START)

    assert 0 < partly["contacts"] < PEOPLE
    assert len(set(partly.values())) == 1
    assert world.rows(FIGURES) == [dict.fromkeys(partly, PEOPLE)]
    with world.store.snapshot() as connection:
        assert invariants.breaches(connection) == {}
