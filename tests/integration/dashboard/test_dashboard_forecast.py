"""A sequence played forward on its page: the API's figures, nothing changed, and a fault beside its field."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from tests.campaigns import BODY, START, World, curve
from tests.integration.api.client import MovableClock
from tests.integration.dashboard.client import Browser, House, Page, TestClient
from xmit_pipeline.dashboard.forecasts import MOST_WAITING, Forecasts, Question
from xmit_pipeline.dashboard.site import create_site
from xmit_pipeline.delivery.forecast import Plan, forecast
from xmit_pipeline.model.clock import FixedClock
from xmit_pipeline.model.errors import Conflict
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.store import lists, sequences, steps
from xmit_pipeline.store.keys import KeyScope


@pytest.fixture
def house(world: World) -> Iterator[House]:
    """The site over the world's store, at the time of its ticks."""
    clock = MovableClock(START)
    with TestClient(create_site(world.store, world.settings, clock=clock)) as client:
        yield House(world.store, world.settings, clock, client)


@pytest.fixture
def sequence_id(world: World) -> UUID:
    """One step; 30 people, of whom the first day's limit lets 4 have it."""
    world.domain(warmup_on=True, **curve(4, 9))
    sequence_id = world.sequence((0, 1))
    world.enroll(sequence_id, world.people(30))
    return sequence_id


def address_of(sequence_id: UUID) -> str:
    return f"/sequences/{public_id(Kind.SEQUENCE, sequence_id)}/forecast"


def told(browser: Browser, address: str) -> Page:
    """The page once it is told; a loaded machine shows first how far it is."""
    page = browser.get(address)
    while "data-refresh" in page.html:
        page = browser.get(address)
    return page


def test_page_tells_what_forecast_tells(world: World, browser: Browser, sequence_id: UUID) -> None:
    """The numbers are those of `xmit forecast`, and the store stays as it was."""
    before = world.rows("SELECT * FROM enrollment ORDER BY id")
    expected = forecast(world.store, sequence_id, Plan(START, 12))

    page = told(browser, f"{address_of(sequence_id)}?days=12")

    assert f"Sent in 12 days {sum(row.sent for row in expected.rows)}" in page.text
    assert expected.bottleneck is not None
    assert f"{expected.bottleneck.nights} nights waited in all" in page.text
    assert all(words in page.text for words in expected.assumptions)
    assert world.rows("SELECT * FROM enrollment ORDER BY id") == before


def test_draft_over_a_list_is_played(world: World, browser: Browser) -> None:
    """As if it were activated, and another list enrolled so many a day."""
    world.domain()
    with world.store.transaction() as connection:
        list_id = lists.create_list(connection, "Lapsed", START)
        draft = sequences.create_sequence(connection, START, name="Win-back", trigger_type="manual")
        steps.add_step(connection, draft, START, name="one", subject="Hi", body_html=BODY)
    members = world.people(9)
    with world.store.transaction() as connection:
        lists.add_contacts(connection, list_id, members, START)

    asked = f"{address_of(draft)}?days=5&enrollList={public_id(Kind.LIST, list_id)}&rate=3"
    page = told(browser, asked)

    assert "Sent in 5 days 9" in page.text
    assert "3 a day" in page.text


def test_what_a_draft_lacks_is_told(world: World, browser: Browser) -> None:
    """Each fault that activating would name."""
    with world.store.transaction() as connection:
        draft = sequences.create_sequence(connection, START, name="Bare", trigger_type="manual")

    page = told(browser, f"{address_of(draft)}?days=5")

    assert "This can't be played forward yet." in page.text
    assert "step" in page.text.split("played forward yet.")[1]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("days=0", "days"),
        ("days=ten", "days"),
        ("days=5&rate=0", "rate"),
        ("days=5&from=tomorrow", "from"),
        ("days=5&enrollList=con_00000000000000000000000000", "enrollList"),
    ],
)
def test_wrong_question_is_refused_by_field(
    browser: Browser, sequence_id: UUID, query: str, field: str
) -> None:
    """SPEC 9: beside the field, with what was typed still there."""
    page = told(browser, f"{address_of(sequence_id)}?{query}")

    assert page.fault(field), page.text
    assert page.status == 400


def test_key_that_may_look_may_ask(house: House, sequence_id: UUID) -> None:
    """A forecast changes nothing."""
    page = told(house.signed_in("looker", KeyScope.READ), f"{address_of(sequence_id)}?days=3")

    assert (page.status, "Sent in 3 days" in page.text) == (200, True)


def test_same_question_is_played_once_an_hour(world: World, sequence_id: UUID) -> None:
    """And anew where the form was opened after it was asked."""
    clock = MovableClock(START)
    kept = Forecasts(world.store, clock)
    question = Question(sequence_id, days=2)
    first = kept.ask(question)
    first.over.wait(60)

    assert kept.ask(question) is first
    clock.moment = START.replace(minute=45)
    assert kept.ask(question) is first
    assert kept.ask(question, after=clock.moment) is not first


def test_crowd_of_forecasts_is_refused(world: World, sequence_id: UUID) -> None:
    """They are played one at a time; a page never piles up work."""
    kept = Forecasts(world.store, FixedClock(START))
    with kept.turn:
        waiting = [kept.ask(Question(sequence_id, days=days)) for days in range(1, MOST_WAITING + 1)]
        with pytest.raises(Conflict, match="under way already"):
            kept.ask(Question(sequence_id, days=300))
        assert not any(each.over.is_set() for each in waiting)
    assert all(each.over.wait(60) and each.told for each in waiting)
