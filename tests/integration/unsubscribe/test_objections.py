"""Who opts out while a tick is at work gets nothing that had not left yet, and nobody else is touched."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.campaigns import START, World
from tests.integration.unsubscribe.conftest import Mailbox, client_of
from tests.integration.unsubscribe.tripwire import tick_with
from xmit_pipeline.delivery.brake import UNANSWERED_IN_A_ROW
from xmit_pipeline.delivery.objections import Objections
from xmit_pipeline.delivery.tick import run_tick
from xmit_pipeline.delivery.transport import Mailer
from xmit_pipeline.model.clock import FixedClock
from xmit_pipeline.model.errors import StoreRefused
from xmit_pipeline.model.outcomes import Answer
from xmit_pipeline.model.tokens import Wish
from xmit_pipeline.store import claims
from xmit_pipeline.store.contact_changes import delete_contact
from xmit_pipeline.store.keys import create_key
from xmit_pipeline.store.wish_files import keep_wish, waiting_wishes
from xmit_pipeline.store.wishes import fold_wishes

DAY = timedelta(days=1)
ADA, BOB = "person0@example.net", "person1@example.net"
MOMENTS = 17


def wish_of(world: World, email: str) -> Wish:
    """What the link in this person's oldest mail says."""
    (message, *_) = world.rows(
        "SELECT id, contact_id FROM message WHERE email = $email ORDER BY id", email=email
    )
    return Wish(message["id"], message["contact_id"])


def mails(world: World) -> Counter[str]:
    """How many mails each address has got, as the sandbox took them."""
    addresses = [row["email"] for row in world.rows("SELECT DISTINCT email FROM message")]
    return Counter({email: _mails_to(world, email) for email in addresses})


def _mails_to(world: World, email: str) -> int:
    return world.sandbox.mailbox.page(to=email, limit=0).total


def once(deed: Callable[[], object], when: Callable[[int], bool]) -> Callable[[int], None]:
    """The deed, at the first moment for which `when` holds."""
    done: list[int] = []

    def after(access: int) -> None:
        if not done and when(access):
            done.append(access)
            deed()

    return after


def inflight(world: World) -> bool:
    return bool(world.rows("SELECT 1 FROM request WHERE state = 'inflight'"))


@pytest.mark.parametrize(("state", "given_back"), [("on disk", 6), ("folded", 4)])
def test_opting_out_between_claim_and_post_is_heard(mailbox: Mailbox, state: str, given_back: int):
    """PAINS E2: not sent, counted as skipped; the others of the same requests leave in the same tick."""
    world, wish = mailbox.world, wish_of(mailbox.world, ADA)

    def object_now() -> None:
        keep_wish(world.settings.home, wish)
        if state == "folded":
            fold_wishes(world.store, world.settings.home, FixedClock(START + DAY))

    result = tick_with(world, FixedClock(START + DAY), once(object_now, lambda _: inflight(world)))
    assert mails(world) == {ADA: 2, BOB: 4, "person2@example.net": 4}
    assert (result.report.sent, result.report.skipped, result.report.released) == (4, 2, given_back)
    skipped = world.rows("SELECT reason FROM message WHERE state = 'skipped' AND email = $email", email=ADA)
    assert skipped == [{"reason": "inactive"}] * 2
    assert mailbox.standing(ADA) == ("unsubscribed", ["unsubscribed"] * 2, ["unsubscribe"])
    assert waiting_wishes(world.settings.home) == {}
    requests = world.rows("SELECT words FROM request WHERE state = 'released' AND words IS NOT NULL")
    assert requests == [{"words": "somebody in this request has just objected, or it was stopped"}] * 2


def test_another_way_out_is_heard_beside_a_wish(mailbox: Mailbox):
    """When the look is taken, it sees everybody who has gone meanwhile, whatever made them go."""
    world, wish = mailbox.world, wish_of(mailbox.world, ADA)
    bob = wish_of(world, BOB).contact_id

    def leave() -> None:
        with world.store.transaction() as connection:
            delete_contact(connection, bob, START + DAY)
        keep_wish(world.settings.home, wish)

    tick_with(world, FixedClock(START + DAY), once(leave, lambda _: inflight(world)))
    assert mails(world) == {ADA: 2, BOB: 2, "person2@example.net": 4}


def test_opting_out_at_any_moment_ends_it(world: World):
    """No later step, ever; nobody else is affected: two people for each moment of a tick, folded and on disk."""
    world.domain()
    people = [f"person{number}@example.net" for number in range(2 * MOMENTS + 1)]
    world.enroll(world.sequence((0,) + (1,) * (MOMENTS + 2)), world.people(len(people)))
    world.tick(START)
    owed: dict[str, int] = {}
    for moment in range(MOMENTS):
        leaving, clock = people[2 * moment : 2 * moment + 2], FixedClock(START + (moment + 1) * DAY)

        def object_now(leaving: list[str] = leaving, clock: FixedClock = clock) -> None:
            for email in leaving:
                keep_wish(world.settings.home, wish_of(world, email))
                if email == leaving[0]:
                    fold_wishes(world.store, world.settings.home, clock)
                owed[email] = _mails_to(world, email)

        tick_with(world, clock, once(object_now, lambda access, moment=moment: access == moment))
        if leaving[0] not in owed:
            object_now()
    world.tick(START + (MOMENTS + 1) * DAY)
    assert mails(world) == {**owed, people[-1]: MOMENTS + 2}
    assert set(world.delivered().values()) == {1}
    assert world.rows("SELECT email FROM contact WHERE status = 'active'") == [{"email": people[-1]}]


class Gate:
    """The real mailer behind a gate: posts stand on the wire until it opens."""

    def __init__(self, world: World) -> None:
        self._mailer = Mailer(world.sendgrid)
        self.standing: list[bytes] = []
        self.begun = threading.Semaphore(0)
        self.opened = threading.Event()

    def post(self, body: bytes) -> Answer:
        self.standing.append(body)
        self.begun.release()
        assert self.opened.wait(120)
        return self._mailer.post(body)


def test_a_press_during_a_tick_stops_what_has_not_left(world: World, monkeypatch: pytest.MonkeyPatch):
    """The link works while a tick runs: a real press, a real tick, one request a person."""
    world.domain()
    world.enroll(world.sequence((0, 1)), world.people(20))
    world.tick(START)
    monkeypatch.setattr(claims, "LARGEST", 1)
    gate, clock = Gate(world), FixedClock(START + DAY)
    with client_of(world) as client, ThreadPoolExecutor(1) as threads:
        box = Mailbox(world, client)
        token = {email: box.token(email) for email in mails(world)}
        ticking = threads.submit(run_tick, world.store, world.settings, clock, gate, "at work")
        assert all(gate.begun.acquire(timeout=120) for _ in range(UNANSWERED_IN_A_ROW))
        wire = b"".join(gate.standing)
        objector = next(email for email in token if email.encode() not in wire)
        assert client.post(f"/u/{token[objector]}").status_code == 200
        gate.opened.set()
        result = ticking.result(120)
    assert mails(world) == {email: 1 if email == objector else 2 for email in token}
    assert (result.report.sent, result.report.skipped) == (19, 1)
    assert box.standing(objector)[:2] == ("unsubscribed", ["unsubscribed"])


def test_a_suppression_by_the_api_stops_what_has_not_left(world: World, monkeypatch: pytest.MonkeyPatch):
    """SPEC 6.4: another way out than the link is heard before each post as well."""
    world.domain()
    world.enroll(world.sequence(), world.people(20))
    monkeypatch.setattr(claims, "LARGEST", 1)
    gate, clock = Gate(world), FixedClock(START)
    with world.store.transaction() as connection:
        key = create_key(connection, "operator", START)
    with client_of(world) as client, ThreadPoolExecutor(1) as threads:
        ticking = threads.submit(run_tick, world.store, world.settings, clock, gate, "at work")
        assert all(gate.begun.acquire(timeout=120) for _ in range(UNANSWERED_IN_A_ROW))
        wire = b"".join(gate.standing)
        people = [f"person{number}@example.net" for number in range(20)]
        gone = next(email for email in people if f'"{email}"'.encode() not in wire)
        answer = client.post(
            "/api/suppressions",
            json={"email": gone, "reason": "manual"},
            headers={"Authorization": f"Bearer {key}"},
        )
        assert answer.status_code == 201, answer.text
        gate.opened.set()
        result = ticking.result(120)
    assert (result.report.sent, result.report.skipped) == (19, 1)
    assert _mails_to(world, gone) == 0


def test_a_look_asks_the_store_only_after_a_change(mailbox: Mailbox):
    """One `stat` a post, as long as nobody objects."""
    world = mailbox.world

    class Silent:
        def transaction(self) -> None:
            raise AssertionError

        snapshot = transaction

    objections = Objections(Silent(), world.settings.home, FixedClock(START))  # type: ignore[arg-type]
    objections.fold()
    assert not any(objections.of(["anybody"]) for _ in range(1000))
    keep_wish(world.settings.home, wish_of(world, ADA))
    with pytest.raises(AssertionError):
        objections.of(["anybody"])


def test_an_unreadable_store_keeps_mail_back(mailbox: Mailbox):
    """Better late than against somebody's wish; and no thread dies of it while others post."""

    class Closed:
        def transaction(self) -> None:
            raise StoreRefused("in use")

        snapshot = transaction

    objections = Objections(Closed(), mailbox.world.settings.home, FixedClock(START))  # type: ignore[arg-type]
    objections.fold()
    keep_wish(mailbox.world.settings.home, wish_of(mailbox.world, ADA))
    assert objections.of(["anybody"])


def test_a_waiting_wish_is_folded_by_the_tick(mailbox: Mailbox):
    """PAINS E1: what the API left on disk ends the sequence in the next tick, also where nothing is due."""
    keep_wish(mailbox.world.settings.home, wish_of(mailbox.world, ADA))
    mailbox.world.tick(START + timedelta(minutes=1))
    assert mailbox.standing(ADA) == ("unsubscribed", ["unsubscribed"] * 2, ["unsubscribe"])
    assert mailbox.standing(BOB)[0] == "active"
