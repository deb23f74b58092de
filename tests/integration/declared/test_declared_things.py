"""Domains, senders and lists from a file: made, changed, and never deleted (docs/sequences-as-code.md)."""

from datetime import timedelta
from typing import Any

import pytest

from tests.campaigns import START
from tests.integration.declared.files import DOMAIN, NEWS, SENDER, Desk, fields, marked
from xmit_pipeline.store import warmup
from xmit_pipeline.store.declared import Mark

WARM = {**DOMAIN, "warmup": {"enabled": True, "start": 50, "factor": 1.25, "target": 100}}


def test_a_first_apply_makes_everything(desk: Desk):
    found = desk.apply({"domains": [WARM], "senders": [SENDER], "lists": [NEWS]})
    assert marked(found.changes) == [
        (Mark.CREATE, "domain", "example.com"),
        (Mark.CREATE, "sender", "hello@example.com"),
        (Mark.CREATE, "list", "News"),
    ]
    assert desk.world.rows(
        "SELECT verified, warmup_state, warmup_start, warmup_factor::VARCHAR AS f FROM domain"
    ) == [{"verified": True, "warmup_state": "active", "warmup_start": 50, "f": "1.2500"}]
    assert desk.world.rows("SELECT verified, is_default FROM sender") == [
        {"verified": True, "is_default": True}
    ]


@pytest.mark.parametrize(
    ("part", "before", "after", "expected"),
    [
        ("domains", DOMAIN, {**DOMAIN, "verified": False}, {"verified": (True, False)}),
        ("domains", WARM, {**DOMAIN, "warmup": {"start": 80}}, {"warmup.start": (50, 80)}),
        ("domains", WARM, {**DOMAIN, "warmup": {"enabled": False}}, {"warmup.enabled": (True, False)}),
        ("domains", WARM, {**DOMAIN, "warmup": {"table": [5, 9]}}, {"warmup.table": (None, [5, 9])}),
        ("domains", WARM, {**DOMAIN, "warmup": {"pacing": False}}, {"warmup.pacing": (True, False)}),
        ("lists", NEWS, {**NEWS, "description": "All"}, {"description": (None, "All")}),
        (
            "lists",
            {**NEWS, "description": "All"},
            {**NEWS, "description": None},
            {"description": ("All", None)},
        ),
        ("lists", NEWS, {"name": "Letter", "renamedFrom": "News"}, {"name": ("News", "Letter")}),
    ],
)
def test_what_the_file_says_otherwise_is_changed(
    desk: Desk, part: str, before: dict[str, Any], after: dict[str, Any], expected: dict[str, Any]
):
    desk.apply({part: [before]})
    [change] = desk.apply({part: [after]}).changes
    assert change.mark is Mark.CHANGE
    assert fields(change) == expected


def test_a_sender_is_changed_and_made_the_default(desk: Desk):
    other = {"email": "other@example.com"}
    desk.apply({"domains": [DOMAIN], "senders": [SENDER, other]})
    [change] = desk.apply(
        {"senders": [{**other, "name": "Ada", "replyTo": "ada@example.org", "default": True}]}
    ).changes
    assert fields(change) == {
        "name": (None, "Ada"),
        "reply_to": (None, "ada@example.org"),
        "default": (False, True),
    }


def test_a_domain_no_longer_verified_takes_its_senders_along(desk: Desk):
    """SPEC 4: a sender on a domain that is not usable defers."""
    desk.apply({"domains": [DOMAIN], "senders": [SENDER]})
    desk.apply({"domains": [{**DOMAIN, "verified": False}]})
    assert desk.world.rows("SELECT verified FROM sender") == [{"verified": False}]


def test_what_is_left_out_stays(desk: Desk):
    desk.apply(
        {"domains": [WARM], "senders": [{**SENDER, "name": "Ada"}], "lists": [{**NEWS, "description": "All"}]}
    )
    assert desk.apply({"domains": [DOMAIN], "senders": [SENDER], "lists": [NEWS]}).changes == []
    assert desk.apply({}).changes == []
    assert desk.world.rows("SELECT name FROM list WHERE deleted_at IS NULL") == [{"name": "News"}]


def test_a_warmup_that_is_completed_does_not_begin_again(desk: Desk):
    """The file says enabled, night after night; day 1 was once."""
    desk.apply({"domains": [WARM]})
    with desk.world.store.transaction() as connection:
        assert warmup.turn_of_day(connection, START + timedelta(days=9)) == ["example.com"]
    assert desk.look({"domains": [WARM]}, START + timedelta(days=9)).changes == []


@pytest.mark.parametrize("state", ["active", "inactive"])
def test_a_paused_warmup_stays_paused(desk: Desk, state: str):
    enabled = state == "active"
    given = {"domains": [{**DOMAIN, "warmup": {"enabled": enabled}}]}
    desk.apply(given)
    with desk.world.store.transaction() as connection:
        [row] = connection.execute("SELECT id FROM domain").fetchall()
        warmup.pause(connection, row[0], START, "by hand")
    assert desk.look(given).changes == []
    desk.apply({"domains": [{**DOMAIN, "warmup": {"enabled": not enabled}}]})
