"""A template's time is the tick's, in UTC, whatever the wall clock and the machine's zone say (DESIGN 5)."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rendering_cases import NOW, crowd_of, joined, person, step

from xmit_pipeline.rendering.batch import render_batch
from xmit_pipeline.rendering.faults import RenderFault
from xmit_pipeline.rendering.plain import render_plain


def shown(template, now=NOW, **row):
    compiled = step(text=template + "{{ unsubscribe_url }}")
    mail = render_plain(compiled, person(**row), now=now)
    assert joined(render_batch(compiled, crowd_of(person(**row)), now=now)) == {"0": mail}
    return mail.text.removesuffix(person()["unsubscribe_url"])


@pytest.fixture(params=["Pacific/Kiritimati", "America/Anchorage"])
def elsewhere(request, monkeypatch):
    """A machine in another zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ 'now' | date: '%Y-%m-%d %H:%M:%S %z' }}", "2026-03-29 00:30:15 +0000"),
        ("{{ 'today' | date: '%s' }}", "1774744215"),
        ("{{ now | date: '%H:%M' }}", "00:30"),
        ("{{ now }}", "2026-03-29 00:30:15+00:00"),
        ("{{ today }}", "2026-03-29"),
        ("{{ today | date: '%F %T' }}", "2026-03-29 00:00:00"),
        ("{{ '10:30' | date: '%F %T' }}", "2026-03-29 10:30:00"),
        ("{{ 'March 5' | date: '%F' }}", "2026-03-05"),
        ("{{ 0 | date: '%F %T' }}", "1970-01-01 00:00:00"),
        ("{{ '86400' | date: '%F %T' }}", "1970-01-02 00:00:00"),
        ("{{ '2026-01-02T03:04:05+02:00' | date: '%H %z %s' }}", "03 +0200 1767315845"),
        ("{{ '2026-01-02 03:04 EST' | date: '%H' }}", "03"),
        ("{{ 'now' | date: '100%%s' }}", "100%s"),
    ],
)
def test_dates_are_told_from_the_given_moment(template, text):
    assert shown(template) == text


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)), st.integers(-14, 14))  # noqa: DTZ001
def test_the_moment_is_told_in_utc(moment, hours):
    local = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert shown("{{ 'now' | date: '%FT%T' }}", local) == f"{local.astimezone(UTC):%FT%T}"


@pytest.mark.parametrize("value", ["tomorrow", "", "9" * 40, "x" * 500, "999999999999999"])
def test_what_is_no_date_stays_as_it_stands(value):
    assert shown("{{ firstName | date: '%F' }}", first_name=value) == value


def test_missing_has_no_date():
    assert shown("{{ firstName | date: '%F' }}", first_name=None) == ""


@pytest.mark.parametrize(
    "template", ["{{ items | date: '%F' }}", "{{ 'now' | date }}", "{{ 'now' | date: 5 }}"]
)
def test_other_values_are_a_fault(template):
    with pytest.raises(RenderFault, match="date"):
        shown(template, metadata='{"items": [1]}')


def test_metadata_may_be_called_now():
    """Only the four built-in names win over metadata."""
    assert shown("{{ now }}{{ now | upcase }}", metadata='{"now": "then"}') == "thenTHEN"
