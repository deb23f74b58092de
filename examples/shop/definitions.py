"""A shop's own pipeline: its customers, each night, as the list that starts a welcome series.

A Dagster project of another team: all it knows of xmit is the resource `ListFeed`. It writes the whole list every
night; who has been on it before is never enrolled anew.
"""

from pathlib import Path

import dagster as dg
import polars as pl

from xmit_pipeline.defs.feeds import ListFeed

ORDERS = Path(__file__).parent / "orders.csv"


@dg.asset(group_name="shop", kinds={"polars"})
def customers_list(feed: ListFeed) -> dg.MaterializeResult:
    """One row a customer, with what the mail says about them; fed to the list "Customers"."""
    customers = (
        pl.read_csv(ORDERS)
        .group_by(pl.col("email").str.to_lowercase())
        .agg(
            pl.col("name").last().alias("firstName"),
            pl.len().alias("orders"),
            pl.col("product").last().alias("lastProduct"),
        )
    )
    fed = feed.replace_list("Customers", customers)
    return dg.MaterializeResult(metadata={"dagster/row_count": customers.height, **fed.counts})


every_night = dg.ScheduleDefinition(
    name="every_night", target=[customers_list], cron_schedule="0 3 * * *", execution_timezone="UTC"
)

defs = dg.Definitions(assets=[customers_list], schedules=[every_night], resources={"feed": ListFeed()})
