"""Webhook bodies become facts and figures, whatever shape, order and number they come in (SPEC 7)."""

import re
import resource
from datetime import timedelta
from pathlib import Path

import duckdb
import orjson
import polars as pl
import pytest

from tests.campaigns import START, World
from tests.integration.events.feed import Feed, campaign
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.event_entries import KEYS, KNOWN_KINDS
from xmit_pipeline.store.event_files import FOLDER, REFUSED, keep_body
from xmit_pipeline.store.event_replay import replay_days
from xmit_pipeline.store.events import SLICE_BYTES, fold_events


def test_every_figure_comes_from_events(world: World, feed: Feed):
    """SPEC 7, Step metrics."""
    sequence_id = campaign(world)
    one, two, three, four = feed.sent()
    feed.told(
        *(feed.entry("processed", message) for message in feed.sent()),
        feed.entry("delivered", one), feed.entry("open", one), feed.entry("open", one, after=90),
        feed.entry("click", one, url="https://example.com/a"),
        feed.entry("delivered", two), feed.entry("spamreport", two),
        feed.entry("bounce", three, type="bounce", status="5.1.1"),
        feed.entry("bounce", four, type="blocked", reason="452 4.2.2 mailbox full"),
    )  # fmt: skip
    figures = feed.figures(sequence_id)
    expected = {
        "sent": 4, "delivered": 2, "opens": 2, "unique_opens": 1, "human_opens": 1, "clicks": 1, "unique_clicks": 1,
        "human_clicks": 1, "bounces": 1, "complaints": 1, "unsubscribes": 0, "blocked": 1, "dropped": 0,
        "open_rate": 0.5, "click_rate": 0.5, "bounce_rate": 0.25, "complaint_rate": 0.5, "unsubscribe_rate": 0.0,
    }  # fmt: skip
    assert figures | expected == figures
    assert feed.unequal() == 0


@pytest.mark.parametrize("kind", ["open", "click", "spamreport", "unsubscribe", "group_unsubscribe"])
def test_what_a_reader_does_implies_delivered(world: World, feed: Feed, kind: str):
    """SPEC 7."""
    sequence_id = campaign(world, people=1)
    feed.told(feed.entry(kind, feed.sent()[0], url="https://example.com/"))
    assert feed.figures(sequence_id)["delivered"] == 1


def test_a_click_implies_no_open(world: World, feed: Feed):
    """PAINS F5, SPEC 7: chosen and stated in docs/events.md."""
    sequence_id = campaign(world, people=1)
    feed.told(feed.entry("click", feed.sent()[0], url="https://example.com/"))
    figures = feed.figures(sequence_id)
    assert (figures["unique_clicks"], figures["unique_opens"]) == (1, 0)


def test_one_event_counts_once_whatever_its_id(world: World, feed: Feed):
    """PAINS F3: ids change on retry, or are missing; and one id comes again with another time."""
    sequence_id = campaign(world, people=1)
    message = feed.sent()[0]
    click = feed.entry("click", message, url="https://example.com/")
    feed.told(click, click, {**click, "sg_event_id": "another"})
    feed.told(
        {**click, "sg_event_id": "event-0"}, {name: click[name] for name in click if name != "sg_event_id"}
    )
    feed.told({**click, "timestamp": click["timestamp"] + 5})
    assert feed.figures(sequence_id)["clicks"] == 1
    feed.told(feed.entry("click", message, after=120, url="https://example.com/"))
    assert feed.figures(sequence_id)["clicks"] == 2


def test_retyped_and_missing_keys_are_taken(world: World, feed: Feed):
    """SPEC 7, Must hold: numbers as strings, strings as numbers, `status` missing, no ids, unknown kinds."""
    sequence_id = campaign(world, people=3)
    one, two, three = feed.sent()
    report = feed.told(
        feed.entry("open", one, timestamp="1772443900", sg_machine_open="false", sg_event_id=12345),
        feed.entry("open", two, timestamp=1772443900.5, sg_machine_open=0, ip=1, url=None),
        feed.entry("bounce", three, type="blocked", status=None, reason=None),
        feed.entry("Delivered", three, timestamp=None, sg_event_id=None),
        feed.entry("account_status_change", type="compliance_suspend", email=None),
        feed.entry("invented", one, attempt=3, category=["a", 1], pool={"name": "x"}),
        feed.entry("o\x00dd", two, email="a\x00@b.example", url="\x00"), feed.entry("open", two, timestamp=9e15),
        feed.entry("open", two, timestamp=-5), feed.entry("open", two, timestamp="1e400"),
        {}, {"event": None}, {"event": ["open"], "email": {"a": 1}, "timestamp": "soon"}, None, 7, "open", [{}],
    )  # fmt: skip
    figures = feed.figures(sequence_id)
    assert (figures["human_opens"], figures["blocked"], figures["delivered"]) == (2, 1, 3)
    kinds = {row["kind"]: row["raw"] for row in world.rows("SELECT kind, raw FROM event")}
    assert {"account_status_change", "invented", "malformed"} <= set(kinds)
    assert '"pool":{"name":"x"}' in kinds["invented"]
    assert report.refused == []


@pytest.mark.parametrize(
    "body", [b'[{"event":"open"', b"{}", b"<html>", b"5", b"[1][2]", b"[" * 100_000, b"\x00\x01"], ids=repr
)
def test_a_broken_body_is_put_aside(world: World, feed: Feed, body: bytes):
    """SPEC 7: it never stops the tick, nor the bodies beside it."""
    sequence_id = campaign(world, people=1)
    keep_body(world.settings.home, body)
    report = feed.told(feed.entry("delivered", feed.sent()[0]))
    assert feed.figures(sequence_id)["delivered"] == 1
    assert len(report.refused) == 1
    aside = sorted((world.settings.home / REFUSED).iterdir())
    assert [path.suffix for path in aside] == [".json", ".txt"]
    assert aside[0].read_bytes() == body
    assert list((world.settings.home / FOLDER).iterdir()) == []


ADDRESSEE = {"email": "person0@example.net"}
KEYED = (
    dict.fromkeys(KEYS, "1") | ADDRESSEE | {"timestamp": 1772443900, "type": "blocked", "xmit_message": None}
)


@pytest.mark.parametrize("kind", KNOWN_KINDS)
def test_any_key_missing_or_retyped_stops_nothing(world: World, feed: Feed, kind: str):
    """SPEC 7, Must hold: each single key absent, null, a number, a list; on ours and on orphans; and rebuilt."""
    campaign(world, people=1)
    ours = feed.entry(kind, feed.sent()[0], type="blocked", reason="mailbox full", url="https://example.com/")
    for whole in (KEYED | {"event": kind}, ours):
        for key in whole:
            feed.land({name: value for name, value in whole.items() if name != key})
            for odd in (None, 7, [1, {"a": None}]):
                feed.land(whole | {key: odd})
    report = feed.fold()
    assert (report.refused, report.note) == ([], None)
    feed.told(feed.entry("unsubscribe", feed.sent()[0]))
    assert feed.statuses()["person0@example.net"][0] == "exited"
    replay_days(world.store, world.settings, START.date(), START.date(), START)


def test_a_body_that_the_store_refuses_goes_aside(world: World, feed: Feed):
    """SPEC 7: alone, with its reason, and no replay meets it again."""
    sequence_id = campaign(world, people=1)
    world.change("ALTER TABLE event ALTER COLUMN attempt SET NOT NULL")  # stands for any rule of the store's
    feed.land(feed.entry("open", feed.sent()[0], attempt="1"))
    feed.land({"event": "open"})
    report = feed.told(feed.entry("click", feed.sent()[0], attempt="1", url="u"))
    assert [("can't take" in sentence) for sentence in report.refused] == [True]
    assert (feed.figures(sequence_id)["opens"], feed.figures(sequence_id)["clicks"]) == (1, 1)
    assert sum(path.suffix == ".json" for path in (world.settings.home / REFUSED).iterdir()) == 1
    assert list((world.settings.home / FOLDER).iterdir()) == []
    replay_days(world.store, world.settings, START.date(), START.date(), START)


def test_a_name_used_again_loses_no_body(world: World, feed: Feed):
    """SPEC 7: other programs may land `events.json` each night; neither store nor archive takes one for another."""
    sequence_id = campaign(world, people=2)
    one, two = feed.sent()
    path = world.settings.home / FOLDER / "events.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    for entry, days in (
        (feed.entry("open", one), 0),
        (feed.entry("open", two), 0),
        (feed.entry("click", two), 31),
    ):
        path.write_bytes(orjson.dumps([entry]))
        assert feed.fold(START + timedelta(days=days, hours=1)).events == 1
    world.change("DELETE FROM event")
    replay_days(world.store, world.settings, START.date(), START.date(), START)
    figures = feed.figures(sequence_id)
    assert (figures["opens"], figures["clicks"]) == (2, 1)


def test_two_broken_bodies_of_one_name_are_both_kept(world: World, feed: Feed):
    path = world.settings.home / FOLDER / "events.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    for body in (b"{", b"["):
        path.write_bytes(body)
        feed.fold()
    kept = [each.read_bytes() for each in (world.settings.home / REFUSED).glob("*.json")]
    assert sorted(kept) == [b"[", b"{"]


def test_letters_that_are_no_unicode_cost_no_event(world: World, feed: Feed):
    sequence_id = campaign(world, people=1)
    good = feed.entry("open", feed.sent()[0])
    feed.land(good)
    (path,) = (world.settings.home / FOLDER).glob("*.json")
    path.write_bytes(path.read_bytes()[:-1] + b',{"event":"x\\ud800"},{"event":"y\xff"}]')
    report = feed.fold()
    assert (report.events, report.refused) == (3, [])
    assert feed.figures(sequence_id)["opens"] == 1


def test_orphans_suppress_and_never_count(world: World, feed: Feed):
    """SPEC 7, PAINS F3: an asynchronous bounce has no ids; it is matched by its address."""
    sequence_id = campaign(world, people=2)
    report = feed.told(
        feed.entry("bounce", email="Person0@Example.NET", type="bounce", sg_message_id=None),
        feed.entry("open", email="person1@example.net"),
    )
    assert report.orphans == 2
    assert feed.statuses()["person0@example.net"] == ("exited", "bounced", "bounced")
    assert feed.statuses()["person1@example.net"] == ("active", None, "active")
    figures = feed.figures(sequence_id)
    assert (figures["bounces"], figures["opens"], figures["delivered"]) == (0, 0, 0)


def test_an_event_proves_its_whole_request(world: World, feed: Feed):
    """SPEC 6.6: any event that carries the request's id."""
    world.domain()
    sequence_id = world.sequence((0, 1))
    world.enroll(sequence_id, world.people(3))
    world.faults({"kind": "status", "status": 500})
    world.tick(START)
    world.faults()
    unknown = world.rows("SELECT * FROM message WHERE state = 'unknown'")
    assert len(unknown) == 3
    feed.told(feed.entry("processed", unknown[0]))
    assert world.rows("SELECT DISTINCT state FROM message") == [{"state": "sent"}]
    assert feed.figures(sequence_id)["sent"] == 3


def test_a_body_left_by_a_death_is_not_folded_again(world: World, feed: Feed):
    """DESIGN 3: the file's name is recorded in the transaction that folds it."""
    sequence_id = campaign(world, people=1)
    feed.land(feed.entry("open", feed.sent()[0]))
    (path,) = (world.settings.home / FOLDER).glob("*.json")
    body = path.read_bytes()
    feed.fold()
    path.write_bytes(body)
    assert feed.fold().events == 0
    assert not path.exists()
    assert feed.figures(sequence_id)["opens"] == 1


def test_figures_stand_on_the_day_of_the_post(world: World, feed: Feed):
    """PAINS F4: no rate passes 1, however late the event."""
    campaign(world, people=1)
    feed.told(feed.entry("open", feed.sent()[0], after=5 * 86_400), now=START + timedelta(days=6))
    days = world.rows("SELECT day, sent, unique_opens FROM step_metric")
    assert [(row["day"], row["sent"], row["unique_opens"]) for row in days] == [(START.date(), 1, 1)]


def test_a_full_disk_keeps_bodies_and_lets_the_tick_go_on(world: World, feed: Feed):
    """SPEC 9: what could not be archived waits, and is folded once there is room."""
    sequence_id = campaign(world, people=1)
    archive = world.settings.home / "events"
    archive.write_text("no folder can be made here")
    report = feed.told(feed.entry("open", feed.sent()[0]))
    assert "could not be folded" in (report.note or "")
    archive.unlink()
    assert feed.fold().events == 1
    assert feed.figures(sequence_id)["opens"] == 1


@pytest.mark.parametrize("room", [10_000, 50_000], ids=["for nothing", "for the bodies alone"])
def test_a_disk_that_fills_up_amid_the_archive_loses_no_body(world: World, feed: Feed, room: int):
    """SPEC 9: no body is blamed for it; each waits whole where it landed, and nothing half-written stays."""
    campaign(world, people=1)
    clicks = [feed.entry("click", feed.sent()[0], after=60 + second) for second in range(20)]
    for number in range(500):
        feed.land(*({**click, "sg_event_id": str(number)} for click in clicks))
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, most))
    try:
        report = feed.fold()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert ("could not be folded" in (report.note or ""), report.refused) == (True, [])
    assert len(list((world.settings.home / FOLDER).glob("*.json"))) == 500
    assert not list((world.settings.home / "events").rglob(".*.part"))
    assert feed.fold().events == 500 * 20


def test_raw_truth_is_kept_by_day(world: World, feed: Feed):
    """SPEC 7, DESIGN 3: every body as it came, and its entries by the UTC day on which they happened."""
    campaign(world, people=1)
    message = feed.sent()[0]
    feed.told(feed.entry("open", message, pool={"name": "x"}), feed.entry("click", message, after=86_400))
    kept = world.settings.home / "events"
    assert sorted(path.name for path in kept.iterdir()) == ["2026-03-02", "2026-03-03", "bodies"]
    days = [pl.read_parquet(kept / day / "*.parquet") for day in ("2026-03-02", "2026-03-03")]
    assert [rows.get_column("kind").to_list() for rows in days] == [["open"], ["click"]]


def test_the_documented_query_shows_what_sendgrid_said(world: World, feed: Feed):
    """docs/events.md: the raw entry of a message, by SQL over the archive alone."""
    campaign(world, people=2)
    one, two = feed.sent()
    feed.told(feed.entry("open", two), feed.entry("open", one, pool={"name": "x"}))
    (query,) = re.findall(r"```sql\n(.*?)```", Path("docs/events.md").read_text(), re.DOTALL)
    query = query.replace(".xmit/", f"{world.settings.home}/")
    ((kind, _, raw),) = duckdb.sql(re.sub(r"= '.*'", f"= '{one['id']}'", query)).fetchall()
    assert (kind, orjson.loads(raw)["pool"]) == ("open", {"name": "x"})


def test_a_body_is_kept_byte_for_byte(world: World, feed: Feed):
    """DESIGN 3: spaces, the order of keys and letters that are no Unicode stay; what can't be read is kept aside."""
    odd = b'[ {"event" : "odd\xff", "z":1, "a":2.50} ]'
    for body in (odd, b"[{"):
        keep_body(world.settings.home, body)
    feed.fold()
    bodies = pl.read_parquet(world.settings.home / "events" / "bodies" / "*" / "*.parquet")
    assert bodies.get_column("content").to_list() == [odd]


def test_an_archive_from_before_bodies_were_kept_is_replayed(world: World, feed: Feed):
    """Its entries carry their own text, and their ids as halves; they come back as every other does."""
    sequence_id = campaign(world, people=1)
    feed.told(feed.entry("open", feed.sent()[0]))
    expected = feed.facts()
    (path,) = (world.settings.home / "events" / "2026-03-02").glob("*.parquet")
    rows = pl.read_parquet(path)
    halves = {
        f"{name}_{half}": pl.col(f"{name}_id")
        .bin.slice(at, 8)
        .bin.reinterpret(dtype=pl.UInt64, endianness="big")
        for name in ("message", "request")
        for half, at in (("high", 0), ("low", 8))
    }
    as_before = rows.with_columns(raw=pl.lit("{}"), **halves).drop("position", "message_id", "request_id")
    as_before.write_parquet(path)
    world.change("DELETE FROM event")
    replay_days(world.store, world.settings, START.date(), START.date(), START)
    assert feed.facts() == expected
    assert feed.figures(sequence_id)["opens"] == 1


@pytest.mark.parametrize("ids", [{"sg_event_id": "same"}, {"sg_event_id": "", "xmit_message": ""}], ids=repr)
def test_one_id_on_events_of_two_people_hides_neither(world: World, feed: Feed, ids: dict[str, str]):
    """SPEC 7: what acts on somebody is never taken for what acted on another."""
    campaign(world, people=1)
    feed.told(*(feed.entry("spamreport", email=email, **ids) for email in ("a@x.example", "b@x.example")))
    suppressed = world.rows("SELECT email FROM suppression ORDER BY email")
    assert [row["email"] for row in suppressed] == ["a@x.example", "b@x.example"]


def test_a_body_behind_a_byte_order_mark_is_read(world: World, feed: Feed):
    sequence_id = campaign(world, people=1)
    keep_body(world.settings.home, b"\xef\xbb\xbf" + orjson.dumps([feed.entry("open", feed.sent()[0])]))
    assert feed.told().refused == []
    assert feed.figures(sequence_id)["opens"] == 1


def test_opens_without_an_id_are_told_apart(world: World, feed: Feed):
    """SPEC 7: an empty id is none."""
    sequence_id = campaign(world, people=1)
    feed.told(*(feed.entry("open", feed.sent()[0], after=after, sg_event_id="") for after in (60, 90)))
    assert feed.figures(sequence_id)["opens"] == 2


def test_bodies_of_many_slices_are_folded_and_leave_the_store_its_threads(world: World, feed: Feed):
    """SPEC 7: what is read ahead is folded whole, on one thread, and that bound ends with the fold."""
    sequence_id = campaign(world, people=4)
    for message in feed.sent():
        padding = b" " * (SLICE_BYTES * 2 // 3)
        keep_body(world.settings.home, orjson.dumps([feed.entry("open", message)]) + padding)
    world.store.close()
    store = EmbeddedStore(world.store.path, quiet_seconds=60)
    try:
        with store.transaction() as connection:
            connection.execute("SET GLOBAL threads = 3")
        assert fold_events(store, world.settings, START + timedelta(hours=1)).files == 4
        with store.snapshot() as connection:
            assert connection.execute("SELECT current_setting('threads')").fetchone() == (3,)
    finally:
        store.close()
    assert feed.told().events == 0
    assert feed.figures(sequence_id)["opens"] == 4
