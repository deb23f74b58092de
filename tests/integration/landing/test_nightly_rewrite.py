"""A nightly full rewrite of a large trigger list: nobody anew, and work that grows with the list alone (PAINS C8)."""

import time
from datetime import datetime, timedelta

import polars as pl
import pytest

from tests.campaigns import START
from tests.integration.landing.zone import Zone
from xmit_pipeline.store.landing_files import Folder

NIGHT = timedelta(days=1)


def drop_people(zone: Zone, count: int) -> None:
    rows = pl.DataFrame({"number": range(count)}).select(
        pl.format("person{}@example.net", "number").alias("email"), pl.lit("gold").alias("plan")
    )
    rows.write_parquet(zone.path("News.parquet", Folder.LISTS))


def nightly(zone: Zone, count: int, now: datetime) -> tuple[int, float]:
    """How many a full rewrite of so many enrolls, and the seconds it takes with the tick's part."""
    drop_people(zone, count)
    began = time.perf_counter()
    zone.fold(now)
    enrolled = zone.fire(now).enrolled
    return enrolled, time.perf_counter() - began


def test_a_nightly_rewrite_of_a_hundred_thousand_enrolls_nobody_anew(zone: Zone):
    """PAINS C8, G1, G2."""
    zone.trigger()
    assert nightly(zone, 100_000, START)[0] == 100_000
    for night in (1, 2):
        assert nightly(zone, 100_000, START + night * NIGHT)[0] == 0
    assert zone.world.rows("SELECT count(*) AS n, count(DISTINCT contact_id) AS people FROM enrollment") == [
        {"n": 100_000, "people": 100_000}
    ]


@pytest.mark.parametrize("nights_before", [0, 1])
def test_ten_times_the_list_is_at_most_linear_work(zone: Zone, nights_before: int):
    """PAINS C8: 100k list adds cost linear work; bounded loosely, for a busy machine."""
    zone.trigger()
    seconds: list[float] = []
    for count in (10_000, 100_000):
        for _ in range(nights_before):
            nightly(zone, count, START)
        seconds.append(nightly(zone, count, START + NIGHT)[1])
    assert seconds[1] < 30 * seconds[0]
