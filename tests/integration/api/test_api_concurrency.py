"""Fifty clients enroll while ticks run: nobody lost, nobody twice, nobody starved (SPEC 3, 6, DESIGN 3)."""

import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.campaigns import World, enroll_into
from tests.integration.api.client import MovableClock
from xmit_pipeline.api.desk import opened_desk
from xmit_pipeline.delivery.tick import run_tick
from xmit_pipeline.delivery.transport import Mailer, SendGrid
from xmit_pipeline.model.clock import Clock, WallClock
from xmit_pipeline.model.errors import Conflict, NotFound, StoreRefused
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.model.settings import read_settings
from xmit_pipeline.store import enrollments, invariants, sequences
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.enroll_group import EnrollWish
from xmit_pipeline.store.keys import create_key

CLIENTS = 50
EACH = 4
TICK_SIZE = 1000
TICKS_AT_LEAST = 2
LONGEST_WAIT = 20.0


@contextmanager
def api_process(home: Path) -> Generator[str]:
    """`xmit api` over this home, without a limit on requests; where it answers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {**os.environ, "XMIT_HOME": str(home), "XMIT_RATE_PER_SECOND": "0"}
    command = [sys.executable, "-m", "xmit_pipeline.cli", "api", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            await_answer(f"http://127.0.0.1:{port}/healthz")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def await_answer(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the API did not start")


def tick_on(home: Path, host: str, sequence_id: UUID, crowd: list[UUID], stop: Event) -> None:
    """Again and again: a thousand more are due, and a tick sends to them; the process that a run would be."""
    settings = read_settings({"XMIT_HOME": str(home), "SENDGRID_HOST": host})
    store, clock = EmbeddedStore(settings.database), WallClock()
    mailer = Mailer(SendGrid(key="SG.test", host=host, connections=8))
    for number in range(len(crowd) // TICK_SIZE):
        people = crowd[number * TICK_SIZE : (number + 1) * TICK_SIZE]
        with store.transaction() as connection:
            enroll_into(connection, sequence_id, list(people), clock.now())
        run_tick(store, settings, clock, mailer, f"tick-{number}")
        store.close()
        if stop.is_set() and number >= TICKS_AT_LEAST:
            return


def fifty_connections(key: str) -> httpx.Client:
    """One pool for all: a client of its own for each thread would cost more than its calls."""
    limits = httpx.Limits(max_connections=CLIENTS, max_keepalive_connections=CLIENTS)
    return httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=60, limits=limits)


def enroll_each(wire: httpx.Client, url: str, contact_ids: list[str]) -> list[tuple[dict[str, Any], float]]:
    """One client: a contact a call; the answers and how long each took."""
    told: list[tuple[dict[str, Any], float]] = []
    for contact_id in contact_ids:
        asked = time.monotonic()
        answer = wire.post(url, json={"contactIds": [contact_id]})
        assert answer.status_code == 200, answer.text
        told.append((answer.json(), time.monotonic() - asked))
    return told


def test_fifty_clients_enroll_while_ticks_run(world: World) -> None:
    """Each contact is asked for by two clients: enrolled once, mailed once; what a tick sent is not lost."""
    world.domain()
    wanted, ticking = world.sequence(name="Wanted"), world.sequence(name="Ticking")
    people = world.people(CLIENTS * EACH)
    crowd = world.people(TICK_SIZE * 12, prefix="crowd")
    with world.store.transaction() as connection:
        key = create_key(connection, "clients", datetime.now(UTC))
    world.store.close()
    ids = [public_id(Kind.CONTACT, person) for person in people]
    mine = [ids[n * EACH : (n + 1) * EACH] for n in range(CLIENTS)]

    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    home, host = world.settings.home, world.settings.sendgrid_host
    ticks = context.Process(target=tick_on, args=(home, host, ticking, crowd, stop))
    ticks.start()
    try:
        with api_process(home) as base, fifty_connections(key) as wire, ThreadPoolExecutor(CLIENTS) as pool:
            url = f"{base}/api/sequences/{public_id(Kind.SEQUENCE, wanted)}/enroll"
            rounds = [mine[n] + mine[(n + 1) % CLIENTS] for n in range(CLIENTS)]
            told = [each for done in pool.map(partial(enroll_each, wire, url), rounds) for each in done]
    finally:
        stop.set()
        ticks.join(60)
        ticks.kill()

    assert ticks.exitcode == 0
    assert sum(answer["enrolled"] for answer, _ in told) == len(ids)
    assert sum(answer["skippedReasons"].get("already_enrolled", 0) for answer, _ in told) == len(ids)
    assert max(wait for _, wait in told) < LONGEST_WAIT
    clock = WallClock()
    run_tick(world.store, world.settings, clock, Mailer(world.sendgrid), "last")
    rows = world.rows("SELECT contact_id, status FROM enrollment WHERE sequence_id = $id", id=wanted)
    assert Counter(row["contact_id"] for row in rows) == Counter(people)
    assert {row["status"] for row in rows} == {"completed"}
    mails = world.rows("SELECT count(*) AS mails, count(DISTINCT enrollment_id) AS people FROM message")[0]
    enrolled = world.rows("SELECT count(*) AS enrolled FROM enrollment")[0]["enrolled"]
    assert mails == {"mails": enrolled, "people": enrolled}
    assert set(world.delivered().values()) == {1}
    with world.store.snapshot() as connection:
        assert invariants.breaches(connection) == {}


def ask_at_once(world: World, wishes: list[EnrollWish], clock: Clock | None = None) -> list[object]:
    """Every wish from a thread of its own, all queued while the store is held; answers or errors, in order."""
    desk = opened_desk(world.store, clock or MovableClock(), world.settings.home)

    def ask(wish: EnrollWish) -> object:
        try:
            return desk.enrolling.ask(wish)
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(wishes)) as pool:
        with world.store.transaction():
            asked = []
            for wish in wishes:
                asked.append(pool.submit(ask, wish))
                await_waiting(desk.enrolling, len(asked))
        return [each.result(60) for each in asked]


def await_waiting(group: Any, count: int) -> None:
    deadline = time.monotonic() + 30
    while group.waiting < count:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_group_answers_as_if_alone(world: World) -> None:
    """Refused, repeated, unknown and good wishes share a transaction, and none sees another's answer."""
    world.domain()
    active, draft = world.sequence(), world.sequence(name="Paused")
    with world.store.transaction() as connection:
        sequences.pause(connection, draft, MovableClock().now())
    ada, bob = world.people(2)
    stranger = UUID(int=7)
    answers = ask_at_once(
        world,
        [
            EnrollWish(active, [ada, ada, None]),
            EnrollWish(draft, [ada]),
            EnrollWish(active, [ada, bob, stranger]),
            EnrollWish(stranger, [bob]),
            EnrollWish(active, []),
        ],
    )
    assert answers[0] == enrollments.EnrollResult(1, {"duplicate": 1, "not_found": 1})
    assert isinstance(answers[1], Conflict)
    assert answers[2] == enrollments.EnrollResult(1, {"already_enrolled": 1, "not_found": 1})
    assert isinstance(answers[3], NotFound)
    assert answers[4] == enrollments.EnrollResult(0, {})


def test_one_failing_wish_undoes_no_other(world: World) -> None:
    """A wish that breaks the whole group's statements is the only one that fails."""
    world.domain()
    active = world.sequence()
    ada, bob = world.people(2)
    broken: Any = "not an id"
    answers = ask_at_once(
        world, [EnrollWish(active, [ada]), EnrollWish(active, [broken]), EnrollWish(active, [bob])]
    )
    assert [isinstance(answer, Exception) for answer in answers] == [False, True, False]
    assert len(world.rows("SELECT * FROM enrollment")) == 2


class CountingClock(MovableClock):
    """Asked for the time once a transaction."""

    asked = 0

    def now(self) -> datetime:
        self.asked += 1
        return super().now()


def test_waiting_calls_share_one_transaction(world: World) -> None:
    """Group commit: twenty calls that wait for the store cost it one turn and one commit."""
    world.domain()
    active, clock = world.sequence(), CountingClock()
    wishes = [EnrollWish(active, [person]) for person in world.people(20)]
    assert ask_at_once(world, wishes, clock) == [enrollments.EnrollResult(1, {})] * 20
    assert clock.asked == 1


def test_unusable_store_fails_all_who_wait(store: EmbeddedStore, home: Path) -> None:
    """Nobody waits a minute each, one after another, for a store that is not to be had."""
    with store.transaction():
        impatient = EmbeddedStore(store.path, patience_seconds=1.0)
        desk = opened_desk(impatient, MovableClock(), home)
        errors: list[Exception] = []

        def ask() -> None:
            with pytest.raises(StoreRefused) as refused:
                desk.enroll(UUID(int=1), [None])
            errors.append(refused.value)

        threads = [threading.Thread(target=ask) for _ in range(5)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert len(errors) == 5
    assert time.monotonic() - began < 4.0
