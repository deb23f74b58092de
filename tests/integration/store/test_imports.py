"""Contact files into the store: good rows in, bad ones reported, known people kept, triggers fired (SPEC 9, 2)."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.campaigns import START, World
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.model.lifecycle import SuppressionReason
from xmit_pipeline.store.contact_changes import delete_contacts
from xmit_pipeline.store.imports import ImportResult, import_file
from xmit_pipeline.store.lists import list_named
from xmit_pipeline.store.suppressions import expire_suppressions, lift_address, suppress

DAY = timedelta(days=1)

GOOD = "Email,First Name,Company Name\nanna@example.com,Anna,Alder\nBEN@example.com,Ben,Birch\n"


def write(world: World, text: str, name: str = "people.csv") -> Path:
    world.settings.home.mkdir(parents=True, exist_ok=True)
    path = world.settings.home / name
    path.write_text(text)
    return path


def bring_in(world: World, text: str, list_name: str = "News") -> ImportResult:
    with world.store.transaction() as connection:
        list_id = list_named(connection, list_name, START)
    return import_file(world.store, write(world, text), overrides={}, list_id=list_id, now=START)


def contacts(world: World) -> list[dict[str, object]]:
    return world.rows("SELECT email, first_name, metadata, status FROM contact ORDER BY email")


def test_good_rows_become_contacts_on_the_list(world: World):
    result = bring_in(world, GOOD)
    assert (result.created, result.known, result.joined) == (2, 0, 2)
    assert contacts(world)[1] == {
        "email": "ben@example.com",
        "first_name": "Ben",
        "metadata": '{"companyName":"Birch"}',
        "status": "active",
    }


def test_a_second_import_changes_nothing(world: World):
    bring_in(world, GOOD)
    before = contacts(world)
    result = bring_in(world, GOOD)
    assert (result.created, result.known, result.joined, result.enrolled) == (0, 2, 0, 0)
    assert contacts(world) == before


def test_known_people_keep_what_they_have_and_get_what_they_lack(world: World):
    bring_in(world, "Email,First Name,Plan\nanna@example.com,Anna,\n")
    bring_in(world, "Email,First Name,Plan\nanna@example.com,Another,gold\n")
    assert contacts(world)[0] == {
        "email": "anna@example.com",
        "first_name": "Anna",
        "metadata": '{"plan":"gold"}',
        "status": "active",
    }


def test_a_status_is_never_loosened(world: World):
    bring_in(world, "email,status\nanna@example.com,unsubscribed\n")
    bring_in(world, "email,status\nanna@example.com,active\n")
    assert contacts(world)[0]["status"] == "unsubscribed"


def test_an_import_tightens_the_status_of_known_people(world: World):
    bring_in(world, GOOD)
    bring_in(world, "email,status\nanna@example.com,unsubscribed\n")
    assert contacts(world)[0]["status"] == "unsubscribed"


def test_new_members_are_enrolled_in_the_same_transaction(world: World):
    """PAINS C7: the trigger fires on a fresh install."""
    world.domain()
    with world.store.transaction() as connection:
        list_id = list_named(connection, "News", START)
    world.sequence(list_id=list_id)
    assert bring_in(world, GOOD).enrolled == 2
    assert world.tick(START).counts["sent"] == 2


@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
def test_an_imported_bounce_outlives_one_that_expires(world: World, *, known: bool):
    """SPEC 3, 9: an import's status is a suppression, so nothing that runs out beside it loosens it."""
    if known:
        bring_in(world, "email\nanna@example.com\n")
    bring_in(world, "email,status\nanna@example.com,bounced\n")
    assert world.rows("SELECT reason, source FROM suppression") == [{"reason": "bounce", "source": "import"}]
    with world.store.transaction() as connection:
        connection.execute(
            "INSERT INTO suppression (id, email, reason, source, created_at, expires_at) "
            "VALUES (uuidv7(), 'anna@example.com', 'bounce', 'soft_bounces', $now, $end)",
            {"now": START, "end": START + DAY},
        )
        expire_suppressions(connection, START + 2 * DAY)
    assert contacts(world)[0]["status"] == "bounced"
    with world.store.transaction() as connection:
        lift_address(connection, "anna@example.com", START + 2 * DAY, who="tests")
    assert contacts(world)[0]["status"] == "active"


def test_a_bounce_that_ended_meanwhile_holds_nobody_back(world: World):
    """SPEC 3: deleted while bounced, and imported again after that ran out."""
    bring_in(world, "email\nanna@example.com\n")
    with world.store.transaction() as connection:
        suppress(
            connection,
            "anna@example.com",
            SuppressionReason.BOUNCE,
            START,
            source="tests",
            expires_at=START + DAY,
        )
        [(contact_id,)] = connection.execute("SELECT id FROM contact").fetchall()
        delete_contacts(connection, [contact_id], START)
        expire_suppressions(connection, START + 2 * DAY)
    bring_in(world, "email\nanna@example.com\n")
    assert contacts(world)[0]["status"] == "active"


def test_the_unsubscribed_join_the_list_but_are_not_enrolled(world: World):
    world.domain()
    with world.store.transaction() as connection:
        list_id = list_named(connection, "News", START)
    world.sequence(list_id=list_id)
    result = bring_in(world, "email,status\nanna@example.com,unsubscribed\nben@example.com,\n")
    assert (result.joined, result.enrolled) == (2, 1)


def test_bad_rows_are_reported_with_line_and_reason(world: World):
    result = bring_in(world, GOOD + "not-an-address,Carl,Cedar\n")
    assert result.created == 2
    [refused] = result.refused.to_dicts()
    assert (refused["line"], refused["address"]) == (4, "not-an-address")
    assert "no @" in refused["reason"]


def test_a_file_without_addresses_is_refused_whole(world: World):
    with pytest.raises(BadInput, match="--map"):
        bring_in(world, "First Name,Town\nAnna,Aalen\n")
    assert contacts(world) == []


IMPORT = """
    import sys
    from pathlib import Path
    from tests.campaigns import START
    from xmit_pipeline.store import imports
    from xmit_pipeline.store.connection import EmbeddedStore
    imports.SLICE = 1_000
    store = EmbeddedStore(Path(sys.argv[1]))
    imports.import_file(store, Path(sys.argv[2]), overrides={}, list_id=None, now=START,
        progress=lambda result: print(result.done, flush=True))
"""


def test_a_killed_import_is_simply_run_again(world: World):
    """PAINS G4: chunked, resumable; a killed slice leaves nothing of itself."""
    rows = "".join(f"person{number}@example.com,Name {number}\n" for number in range(60_000))
    path = write(world, "email,first name\n" + rows)
    with world.store.snapshot():
        pass
    world.store.close()
    command = [sys.executable, "-c", textwrap.dedent(IMPORT), str(world.store.path), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.3)
        os.kill(process.pid, signal.SIGKILL)
    [partly] = world.rows("SELECT count(*) AS n FROM contact")
    assert 0 < partly["n"] < 60_000
    assert partly["n"] % 1_000 == 0
    result = import_file(world.store, path, overrides={}, list_id=None, now=START)
    assert result.created + partly["n"] == 60_000
    assert world.rows("SELECT count(*) AS n, count(DISTINCT email) AS m FROM contact") == [
        {"n": 60_000, "m": 60_000}
    ]
