"""`xmit replay --from --to`: a rebuild from the archive gives the same numbers (SPEC 7)."""

from datetime import timedelta

import pytest
from typer.testing import CliRunner

from tests.campaigns import START, World
from tests.integration.events.feed import Feed, campaign
from xmit_pipeline.cli.app import app


def replayed(world: World, *days: str) -> str:
    world.store.close()
    result = CliRunner().invoke(app, ["replay", "--from", days[0], "--to", days[-1]], catch_exceptions=False)
    assert result.exit_code == 0
    return " ".join(result.stdout.split())


def test_lost_events_come_back_with_their_figures(world: World, feed: Feed):
    campaign(world, people=3)
    feed.told(
        *(feed.entry("open", message, after=number * 86_400) for number, message in enumerate(feed.sent())),
        now=START + timedelta(days=4),
    )
    expected = feed.facts()
    world.change("DELETE FROM event")
    world.change("DELETE FROM message_feedback")
    said = replayed(world, "2026-03-02", "2026-03-03")
    assert said.startswith("2 days of 2 events replayed: 2 were missing in the store, 0 stood there alone")
    assert [row["opens"] for row in world.rows("SELECT opens FROM step_metric")] == [2]
    replayed(world, "2026-03-01", "2026-03-31")
    assert feed.facts() == expected


@pytest.mark.parametrize(
    ("days", "words"),
    [(("2026-03-02", "2026-03-01"), "lies before"), (("soon", "2026-03-01"), "takes a day such as")],
)
def test_days_that_make_no_sense_are_refused(world: World, days: tuple[str, str], words: str):
    world.store.close()
    with pytest.raises(Exception, match=words):
        CliRunner().invoke(app, ["replay", "--from", days[0], "--to", days[1]], catch_exceptions=False)
