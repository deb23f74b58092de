"""Charts: well-formed SVG that tells its numbers, and escapes every word."""

import xml.etree.ElementTree as ET
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from xmit_pipeline.dashboard import charts

EVIL = "<script>alert(1)</script>"
COUNTS = st.integers(0, 10**9)


def parsed(chart: Markup) -> ET.Element:
    root = ET.fromstring(chart)  # noqa: S314
    names = {child.get("id") for child in root if child.tag.endswith(("title", "desc"))}
    assert set((root.get("aria-labelledby") or "").split()) == names
    assert not any(element.get("style") for element in root.iter())
    return root


@given(st.lists(st.tuples(COUNTS, COUNTS), max_size=40))
def test_bars_stay_within_their_chart(values: list[tuple[int, int]]) -> None:
    """Whatever the numbers, also none and nothing but zeros."""
    days = [(date(2026, 1, 1) + timedelta(days=number), pair) for number, pair in enumerate(values)]

    root = parsed(charts.bars(days, ("sent", "delivered"), "Mail by day"))

    for bar in root.findall("{*}rect"):
        assert float(bar.get("y", "")) >= 0
        assert float(bar.get("y", "")) + float(bar.get("height", "")) <= charts.HEIGHT
    assert f"sent {sum(pair[0] for pair in values):,}" in str(ET.tostring(root))


@given(
    st.lists(
        st.tuples(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=9), COUNTS),
        max_size=5,
    )
)
def test_funnel_never_outgrows_its_track(stages: list[tuple[str, int]]) -> None:
    for bar in parsed(charts.funnel(stages, "Funnel")).findall("{*}rect"):
        assert 0 <= float(bar.get("width", "")) <= charts.WIDTH


@pytest.mark.parametrize(
    "chart",
    [
        charts.funnel([(EVIL, 3)], EVIL),
        charts.bars([(date(2026, 1, 1), [1])], [EVIL], EVIL),
        charts.sparkline([1, 2, 3], EVIL),
        charts.meter(3, None, EVIL),
        charts.meter(3, 0, EVIL),
    ],
)
def test_words_never_become_markup(chart: Markup) -> None:
    parsed(chart)
    assert "<script>" not in chart
