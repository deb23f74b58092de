"""The resource for other teams' pipelines, and the example that uses it (SPEC 2, Triggers)."""

from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
import pytest

from examples.shop.definitions import customers_list, defs
from tests.campaigns import START
from tests.integration.landing.zone import Zone, people
from xmit_pipeline.cli.tick import dagster_instance, tick_through_dagster
from xmit_pipeline.defs.feeds import ListFeed
from xmit_pipeline.model.errors import BadInput, ConfigurationFault
from xmit_pipeline.store.landing_files import Folder, landing_waits


@pytest.fixture
def feed(zone: Zone) -> ListFeed:
    """The resource on the world's store, as another process would have it."""
    zone.trigger("Customers")
    return ListFeed(home=str(zone.home))


def frame(numbers: range) -> pl.DataFrame:
    return pl.DataFrame({"email": people(numbers)})


def dagster_tick(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """One run of the job `tick`, as the schedule starts it, at START."""
    monkeypatch.setenv("SENDGRID_HOST", zone.world.sandbox.url)
    with dagster_instance(zone.world.settings) as instance:
        return tick_through_dagster(instance, zone.world.store, START)


def test_an_asset_of_another_team_leads_to_mail(zone: Zone, feed: ListFeed, monkeypatch: pytest.MonkeyPatch):
    """PAINS C7: materialized, then a tick through Dagster, then mail in the sandbox."""
    result = dg.materialize([customers_list], resources={"feed": feed})
    [materialization] = result.asset_materializations_for_node("customers_list")
    assert materialization.metadata["waiting"].value == 4
    assert dagster_tick(zone, monkeypatch)["sent"] == 4
    subjects = {mail.subject for mail in zone.world.sandbox.mailbox.page().mails}
    assert "Hi Chloé" in subjects


def test_files_that_landed_lead_to_mail_in_one_tick(zone: Zone, monkeypatch: pytest.MonkeyPatch):
    """PAINS C7: dropped, then a tick through Dagster, then mail in the sandbox."""
    zone.trigger()
    zone.drop("News.parquet", people(range(3)))
    zone.drop("more.parquet", people(range(5)), Folder.CONTACTS)
    assert dagster_tick(zone, monkeypatch)["sent"] == 3
    assert not landing_waits(zone.home)


def test_the_example_run_every_night_mails_nobody_again(zone: Zone, feed: ListFeed):
    for _ in range(3):
        dg.materialize([customers_list], resources={"feed": feed})
        zone.fire()
    assert len(zone.enrolled()) == 4


def test_the_example_loads_as_a_project_of_its_own():
    dg.Definitions.validate_loadable(defs)


def test_replacing_answers_what_it_did(feed: ListFeed):
    feed.replace_list("Customers", frame(range(3)))
    assert feed.replace_list("Customers", frame(range(1, 5))).counts == {
        "rows": 4,
        "refused": 0,
        "created": 2,
        "joined": 2,
        "gone": 1,
        "waiting": 2,
    }


def test_adding_leaves_who_is_there(zone: Zone, feed: ListFeed):
    feed.replace_list("Customers", frame(range(3)))
    assert feed.add_to_list("Customers", frame(range(2, 5))).counts["joined"] == 2
    assert zone.members("Customers") == set(people(range(5)))


def test_a_replacement_by_nobody_empties_the_list(zone: Zone, feed: ListFeed):
    """A segment may be empty today."""
    feed.replace_list("Customers", frame(range(3)))
    assert feed.replace_list("Customers", frame(range(0))).gone == 3
    assert zone.members("Customers") == set()


def test_metadata_comes_as_columns_or_as_structures(zone: Zone, feed: ListFeed):
    rows = pl.DataFrame(
        {
            "email": ["a@example.net"],
            "firstName": ["Ada"],
            "metadata": [{"plan": "gold", "tags": ["x"]}],
            "seats": [3],
        }
    )
    feed.add_to_list("Customers", rows)
    assert zone.world.rows("SELECT first_name, metadata::JSON AS metadata FROM contact") == [
        {"first_name": "Ada", "metadata": '{"plan":"gold","tags":["x"],"seats":3}'}
    ]


def test_anything_with_an_arrow_stream_is_taken(zone: Zone, feed: ListFeed):
    with duckdb.connect() as connection:
        feed.add_to_list("Customers", connection.sql("SELECT 'a@example.net' AS email"))
    assert zone.members("Customers") == {"a@example.net"}


def test_a_file_is_taken_by_its_path(zone: Zone, feed: ListFeed, tmp_path: Path):
    path = tmp_path / "export.csv"
    path.write_text("Email Address\na@example.net\n")
    feed.add_to_list("Customers", path)
    assert zone.members("Customers") == {"a@example.net"}


def test_bad_rows_are_counted_and_named(feed: ListFeed):
    fed = feed.add_to_list("Customers", pl.DataFrame({"email": ["a@example.net", "nobody", None]}))
    assert fed.refused.rows() == [(2, "nobody", "This is not an e-mail address: it has no @.")]


@pytest.mark.parametrize(
    ("name", "rows", "words"),
    [
        ("Customers", pl.DataFrame({"town": ["Aalen"]}), "No column holds e-mail addresses"),
        ("", pl.DataFrame({"email": ["a@example.net"]}), "name"),
        ("two\nlines", pl.DataFrame({"email": ["a@example.net"]}), "one line"),
        ("Customers", pl.DataFrame({"email": ["a@example.net"]}).lazy(), "collected first"),
        ("Customers", ["a@example.net"], "it got list"),
    ],
)
def test_what_can_not_be_taken_is_refused_with_a_sentence(
    feed: ListFeed, name: str, rows: object, words: str
):
    with pytest.raises(BadInput, match=words):
        feed.replace_list(name, rows)  # type: ignore[arg-type]


def test_a_wrong_home_is_refused_and_not_made(tmp_path: Path):
    """A feed into a store that nobody sends from would be silent for ever."""
    with pytest.raises(ConfigurationFault, match="no xmit store at"):
        ListFeed(home=str(tmp_path / "typo")).replace_list("Customers", frame(range(1)))
    assert not (tmp_path / "typo").exists()
