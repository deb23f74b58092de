"""The link works while the store is busy, the disk is full, or many press at once (SPEC 7, Unsubscribe)."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from tests.campaigns import START, World
from tests.integration.unsubscribe.conftest import Mailbox, client_of
from tests.integration.unsubscribe.holder import held_store
from xmit_pipeline.api.unsubscribe import STORE_SECONDS
from xmit_pipeline.model.tokens import Wish, sign
from xmit_pipeline.store.wish_files import FOLDER, waiting_wishes, wish_waits

ADA, BOB = "person0@example.net", "person1@example.net"
SLACK = 5.0
"""What a loaded machine may add to a bounded wait."""


def test_a_held_store_delays_no_wish(mailbox: Mailbox):
    """SPEC 7: the wish is durable first, the answer comes in bounded time, and the next tick honours it."""
    world, token = mailbox.world, mailbox.token(ADA)
    mailbox.client.get("/u/x")
    world.store.close()
    with held_store(world.settings.database):
        began = time.monotonic()
        answer = mailbox.press(token)
        took = time.monotonic() - began
        assert (answer.status_code, "You are unsubscribed" in answer.text) == (200, True)
        assert took < STORE_SECONDS + SLACK
        assert wish_waits(world.settings.home)
    world.tick(START + timedelta(days=1))
    assert mailbox.standing(ADA) == ("unsubscribed", ["unsubscribed"] * 2, ["unsubscribe"])
    assert mailbox.standing(BOB)[1] == ["active", "active"]
    assert waiting_wishes(world.settings.home) == {}


def test_a_bad_token_waits_as_long_as_a_good_one(mailbox: Mailbox):
    """SPEC 7: a bad token answers alike, also in time."""
    world, token = mailbox.world, mailbox.token(ADA)
    mailbox.client.get("/u/x")
    world.store.close()
    with held_store(world.settings.database):
        began = time.monotonic()
        mailbox.press(token[:-1])
        assert time.monotonic() - began >= STORE_SECONDS
    assert waiting_wishes(world.settings.home) == {}


def test_looking_is_bounded_while_the_store_is_held(mailbox: Mailbox):
    world = mailbox.world
    world.store.close()
    with held_store(world.settings.database):
        began = time.monotonic()
        page = mailbox.client.get("/u/x")
        assert time.monotonic() - began < STORE_SECONDS + SLACK
    assert page.status_code == 200
    assert "no more mail from this sender" in page.text


def test_a_full_disk_is_told_and_not_hidden(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch):
    """What could not be kept is not promised: 503, so that mail programs try again."""
    token = mailbox.token(ADA)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("xmit_pipeline.store.wish_files.os.fsync", full)
    answer = mailbox.press(token)
    assert answer.status_code == 503
    assert "could not be kept" in answer.text


def test_a_torn_file_is_no_wish(mailbox: Mailbox):
    """A death before the rename leaves a file that nobody takes for a wish."""
    folder = mailbox.world.settings.home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name in (".half.part", "notes.txt", "12.wish"):
        Path(folder / name).write_text("")
    assert not wish_waits(mailbox.world.settings.home)


def test_hundreds_press_at_once(world: World):
    """Under load every wish is honoured, in few transactions."""
    world.domain()
    people = world.people(300)
    world.enroll(world.sequence((0, 1)), people)
    world.tick(START)
    rows = world.rows("SELECT id, contact_id FROM message")
    tokens = [sign(Wish(row["id"], row["contact_id"]), world.settings.secret) for row in rows]
    with client_of(world) as client, ThreadPoolExecutor(16) as presses:
        statuses = set(presses.map(lambda token: client.post(f"/u/{token}").status_code, tokens))
    assert statuses == {200}
    world.tick(START + timedelta(days=1))
    assert world.rows("SELECT DISTINCT status FROM contact") == [{"status": "unsubscribed"}]
    assert len(world.delivered()) == 300


def test_ids_of_the_store_make_the_links(mailbox: Mailbox):
    """The claim's SQL and `model.tokens` sign alike."""
    rows = mailbox.world.rows("SELECT id, contact_id FROM message WHERE email = $email", email=ADA)
    secret = mailbox.world.settings.secret
    assert mailbox.token(ADA) in {sign(Wish(row["id"], row["contact_id"]), secret) for row in rows}
