"""The seeded model of people: repeats, keeps to its rates, and never does what can't be."""

from collections import Counter
from collections.abc import Iterator
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmit_pipeline.sandbox.people import LAST, Act, People, PeopleOrder
from xmit_pipeline.sandbox.people_dice import Dice

MAILS = 4000
NEVER = dict.fromkeys(
    ("deferred", "hard_bounce", "soft_bounce", "machine_open", "open", "scanner", "complaint", "unsubscribe"),
    0.0,
)


def fates(**rates: float) -> Iterator[list[Act]]:
    people = People(PeopleOrder.model_validate(NEVER | rates))
    for number in range(MAILS):
        yield list(people.acts(f"person{number}@example.net", "Hello/1"))


def within(found: int, of: int, rate: float) -> bool:
    """Inside four standard deviations of a binomial count."""
    return abs(found - of * rate) <= 4 * sqrt(of * rate * (1 - rate)) + 1


@pytest.mark.parametrize(
    ("rate", "kind"),
    [
        ("drop", "dropped"),
        ("hard_bounce", "bounce"),
        ("soft_bounce", "blocked"),
        ("machine_open", "machine_open"),
        ("scanner", "scan"),
        ("open", "open"),
        ("complaint", "spamreport"),
        ("unsubscribe", "one_click"),
    ],
)
@pytest.mark.parametrize("share", [0.0, 0.03, 0.4, 1.0])
def test_people_keep_to_each_rate(rate: str, kind: str, share: float):
    order = {rate: share, "late_bounce": 0.0, "reopen": 0.0}
    having = sum(any(act.kind == kind for act in acts) for acts in fates(**order))
    assert within(having, MAILS, share)


def test_shares_of_shares_are_kept():
    """Clicks are a share of opens, late bounces of hard ones, events of unsubscribes, reopens of opens."""
    counted = Counter(
        (act.kind, act.turn)
        for acts in fates(
            open=0.5,
            click=0.4,
            reopen=0.3,
            hard_bounce=0.2,
            late_bounce=0.5,
            unsubscribe=0.5,
            unsubscribe_event=0.25,
        )
        for act in acts
    )
    opened = counted["open", 0]
    assert within(counted["click", 0], opened, 0.4)
    assert within(counted["open", 1], opened, 0.3)
    assert within(counted["late_bounce", 0], counted["late_bounce", 0] + counted["bounce", 0], 0.5)
    left = counted["unsubscribe", 0] + counted["one_click", 0]
    assert within(counted["unsubscribe", 0], left, 0.25)


@given(seed=st.integers(0, 1000), address=st.emails(), occasion=st.text(max_size=20))
def test_the_same_mail_has_one_fate(seed: int, address: str, occasion: str):
    """A person is the same in any case; nothing rests on when or in which order it is asked."""
    order = PeopleOrder(seed=seed)
    first = list(People(order).acts(address, occasion))
    assert list(People(order).acts(address.lower(), occasion)) == first


@given(number=st.integers(0, 10_000), speed=st.sampled_from([0.5, 1, 60]))
def test_acts_keep_a_possible_order(number: int, speed: float):
    """Nobody reads what was not delivered; a mail has one outcome; all is over in time."""
    order = PeopleOrder(
        seed=number, speed=speed, drop=0.1, deferred=0.5, hard_bounce=0.2, late_bounce=0.5, soft_bounce=0.2, open=0.8,
        click=0.8, complaint=0.5, unsubscribe=0.5, scanner=0.5, machine_open=0.5,
    )  # fmt: skip
    acts = list(People(order).acts(f"{number}@example.net", "Hello/1"))
    times = {act.kind: act.after for act in reversed(acts)}
    assert all(0 < act.after <= LAST for act in acts)
    assert acts[0].kind in ("processed", "dropped")
    outcomes = [act for act in acts if act.kind in ("dropped", "delivered", "bounce", "blocked")]
    assert len(outcomes) == 1
    reading = [act for act in acts if act not in outcomes and act.kind not in ("processed", "deferred")]
    assert not reading or outcomes[0].kind == "delivered"
    assert all(act.after >= outcomes[0].after for act in reading)
    assert all(act.after < outcomes[0].after for act in acts if act.kind == "deferred")
    assert times.get("click", LAST) >= times.get("open", 0)


def test_one_rate_moves_no_other():
    """A changed rate leaves everybody else's acts as they were."""

    def opens(**rates: float) -> list[list[float]]:
        return [[act.after for act in acts if act.kind == "open"] for acts in fates(open=0.4, **rates)]

    assert opens() == opens(complaint=0.5, unsubscribe=0.5, scanner=0.5, click=1.0)


def test_a_missing_mailbox_stays_missing():
    """Who bounces for one mail bounces for all of them."""
    people = People(PeopleOrder(hard_bounce=0.5, late_bounce=0.0))
    for number in range(200):
        bounced = {
            any(act.kind == "bounce" for act in people.acts(f"p{number}@example.net", f"Mail {mail}/1"))
            for mail in range(5)
        }
        assert len(bounced) == 1


def test_speed_brings_readers_forward():
    def last_open(speed: float) -> float:
        return max(act.after for acts in fates(open=1.0, speed=speed) for act in acts if act.kind == "open")

    assert last_open(60) < last_open(1) / 2


def test_dice_are_even_and_independent():
    rolls = [Dice(f"key {number}").roll("name") for number in range(2000)]
    assert 0 < min(rolls) < 0.01
    assert 0.99 < max(rolls) < 1
    both = sum(
        Dice(f"{number}").chance("a", 0.5) and Dice(f"{number}").chance("b", 0.5) for number in range(2000)
    )
    assert within(both, 2000, 0.25)
