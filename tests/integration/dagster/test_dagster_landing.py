"""Files that landed are folded by a run: contacts, then lists, then the ledger's enrollments (SPEC 2, DESIGN 3)."""

from pathlib import Path

import dagster as dg
import polars as pl

from tests.campaigns import START, World
from tests.integration.dagster.conftest import Pipeline, metadata_of
from xmit_pipeline.definitions import build_defs
from xmit_pipeline.defs.resources import StoreResource
from xmit_pipeline.defs.schedules import every_minute
from xmit_pipeline.delivery.journal import Journal
from xmit_pipeline.model.ids import new_id
from xmit_pipeline.store.lists import create_list


def land(home: Path, place: str, rows: dict[str, list[str]]) -> None:
    path = home / "landing" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows).write_parquet(path)


def test_a_landed_list_is_enrolled_and_mailed_by_one_run(world: World, pipeline: Pipeline):
    """PAINS C7: the trigger fires on a fresh install."""
    world.domain()
    with world.store.transaction() as connection:
        list_id = create_list(connection, "Newsletter", START)
    world.sequence(list_id=list_id)
    land(world.settings.home, "lists/Newsletter.parquet", {"email": ["anna@example.com", "ben@example.com"]})
    result = pipeline(START)
    assert metadata_of(result, "lists")["landed_rows"] == 2
    assert metadata_of(result, "enrollments")["enrolled_by_ledger"] == 2
    assert len(world.delivered()) == 2


def test_nobody_is_enrolled_in_a_store_out_of_step(world: World, pipeline: Pipeline):
    """SPEC 6.10: the journal knows a later post, so it may know these people too, under other ids."""
    world.domain()
    with world.store.transaction() as connection:
        list_id = create_list(connection, "Newsletter", START)
    world.sequence(list_id=list_id)
    land(world.settings.home, "lists/Newsletter.parquet", {"email": ["anna@example.com"]})
    Journal(world.settings.journal).posted(str(new_id()), START)
    assert metadata_of(pipeline(START), "enrollments")["enrolled_by_ledger"] == 0
    assert world.rows("SELECT * FROM enrollment") == []
    assert len(world.rows("SELECT * FROM list_firing")) == 1


def test_landed_contacts_come_in_without_a_list(world: World, pipeline: Pipeline):
    land(world.settings.home, "contacts/people.parquet", {"email": ["anna@example.com", "broken"]})
    shown = metadata_of(pipeline(START), "contacts")
    assert (shown["landed_rows"], shown["landed_refused"], shown["active"]) == (2, 1, 1)


def test_the_schedule_sees_what_has_landed(world: World):
    land(world.settings.home, "contacts/people.parquet", {"email": ["anna@example.com"]})
    world.store.close()
    with dg.build_schedule_context(
        repository_def=build_defs().get_repository_def(), resources={"store": StoreResource()}
    ) as context:
        [asked] = every_minute.evaluate_tick(context).run_requests or []
    assert asked.tags["xmit/why"] == "files have landed"
