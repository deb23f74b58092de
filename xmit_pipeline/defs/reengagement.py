"""Re-engagement: who fell silent in which month, and their way back by a sequence. It enrolls; the tick sends."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from typing import cast

import dagster as dg
from pydantic import Field

from xmit_pipeline.defs.audience import OWNERS, contacts, sequences
from xmit_pipeline.defs.feedback import EVENT_DAYS, delivery_events, step_metrics
from xmit_pipeline.defs.resources import ClockResource, StoreResource
from xmit_pipeline.defs.schedules import LOOK_SECONDS, QUIET
from xmit_pipeline.defs.tables import markdown_table
from xmit_pipeline.model.errors import XmitError
from xmit_pipeline.store.cohorts import CohortEnrolled, Silence, dormant_cohort, enroll_cohort
from xmit_pipeline.store.engagement import engagement_summary, fold_engagement
from xmit_pipeline.store.metric_days import recount_day
from xmit_pipeline.store.reengaged import missing_and_stale, sequence_of

MONTHS = dg.MonthlyPartitionsDefinition(start_date="2015-01-01", end_offset=1)
"""Months up to the present one, which is still open and says so."""
SEQUENCES_NAME = "reengagement_sequences"
SEQUENCES = dg.DynamicPartitionsDefinition(name=SEQUENCES_NAME)
GRID = dg.MultiPartitionsDefinition({"sequence": SEQUENCES, "month": MONTHS})


class DormancyConfig(dg.Config):
    """Who counts as dormant."""

    quiet_days: int = Field(
        default=90, ge=1, description="Whoever opened or clicked within so many days is not dormant."
    )
    where: str = Field(
        default="",
        description="One SQL condition on contacts, such as  metadata ->> 'plan' = 'gold'. It reads email, "
        "first_name, last_name, timezone, created_at, metadata, last_delivered_at, last_opened_at, last_clicked_at.",
    )
    last_engaged_field: str = Field(
        default="",
        description="A metadata key with an ISO date of the last open or click that another platform knew of.",
    )

    def silence(self) -> Silence:
        return Silence(self.quiet_days, self.where, self.last_engaged_field)


class ReengagementConfig(DormancyConfig):
    """Who is enrolled, or would be."""

    dry_run: bool = Field(default=False, description="Count who would be enrolled, and enroll nobody.")


class EngagementConfig(dg.Config):
    """How much is worked out anew."""

    rebuild: bool = Field(default=False, description="Everybody anew from all events, not only what is new.")


@dg.asset(group_name="reengagement", kinds={"duckdb"}, owners=OWNERS, deps=[delivery_events])
def contact_engagement(config: EngagementConfig, store: StoreResource) -> dg.MaterializeResult:
    """One row a contact who was ever reached: last delivered, last human open, last human click."""
    opened = store.open()
    folded = fold_engagement(opened, whole=config.rebuild)
    with opened.snapshot() as connection:
        summary = engagement_summary(connection)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": summary.contacts,
            "ever_opened": summary.opened,
            "ever_clicked": summary.clicked,
            "latest_sign_of_life": f"{summary.latest or 'none'}",
            "events_folded": folded.events,
            "rebuilt": folded.whole,
        }
    )


@dg.asset(
    group_name="reengagement",
    kinds={"duckdb"},
    owners=OWNERS,
    deps=[contacts, contact_engagement],
    partitions_def=MONTHS,
)
def dormant_contacts(
    context: dg.AssetExecutionContext, config: DormancyConfig, store: StoreResource, clock: ClockResource
) -> dg.MaterializeResult:
    """The contacts whose last human open or click was in this month (who never did: who came in it); a pure query."""
    month, now, silence = _month(context.partition_key), clock.clock().now(), config.silence()
    with _told():
        fold_engagement(store.open())
        with store.open().snapshot() as connection:
            cohort = dormant_cohort(connection, month, now, silence)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": cohort.contacts,
            "mailable": cohort.mailable,
            "month_is_open": silence.is_open(month, now),
            "sample": markdown_table(cohort.sample, "Nobody fell silent in this month."),
        }
    )


@dg.asset(
    group_name="reengagement",
    kinds={"duckdb"},
    owners=OWNERS,
    deps=[dormant_contacts, sequences],
    partitions_def=GRID,
)
def reengagement_enrollments(
    context: dg.AssetExecutionContext, config: ReengagementConfig, store: StoreResource, clock: ClockResource
) -> dg.MaterializeResult:
    """A month's dormant contacts enrolled in one sequence, each once ever. It enrolls; the tick sends."""
    key = cast("dg.MultiPartitionKey", context.partition_key).keys_by_dimension
    month, now, silence = _month(key["month"]), clock.clock().now(), config.silence()

    def tell(done: CohortEnrolled) -> None:
        context.log.info(f"{done.contacts:,} looked at, {done.enrolled:,} enrolled")

    with _told():
        fold_engagement(store.open())
        done = enroll_cohort(
            store.open(),
            sequence_of(key["sequence"]),
            month,
            now,
            silence,
            dry_run=config.dry_run,
            progress=tell,
        )
    reasons = [
        {"reason": reason, "contacts": count} for reason, count in sorted(done.skipped_reasons.items())
    ]
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": done.contacts,
            "enrolled": done.enrolled,
            "skipped": sum(done.skipped_reasons.values()),
            "skipped_reasons": markdown_table(reasons, "Nobody was skipped."),
            "month_is_open": silence.is_open(month, now),
            "dry_run": config.dry_run,
        }
    )


@dg.asset(
    group_name="rebuild", kinds={"duckdb"}, owners=OWNERS, deps=[step_metrics], partitions_def=EVENT_DAYS
)
def step_metrics_daily(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult:
    """The rows of step_metrics of one UTC day of posting, counted anew; backfill it where events came very late."""
    totals = recount_day(store.open(), date.fromisoformat(context.partition_key))
    return dg.MaterializeResult(metadata={"dagster/row_count": totals.pop("steps"), **totals})


reengage = dg.define_asset_job(
    "reengage",
    selection=dg.AssetSelection.assets(reengagement_enrollments),
    executor_def=dg.in_process_executor,
    config=QUIET,
    description="Enrolls one month's dormant contacts in one sequence; `xmit backfill` runs it for a span of months.",
)


@dg.sensor(
    name="reengagement_sequences",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=60,
    description="Keeps the partitions of reengagement_enrollments in step with the sequences in the store.",
)
def reengagement_sequences(
    context: dg.SensorEvaluationContext, store: StoreResource
) -> dg.SensorResult | dg.SkipReason:
    """A partition for each sequence that is not archived; what was enrolled under one that goes stays enrolled."""
    with store.open(LOOK_SECONDS).snapshot() as connection:
        missing, stale = missing_and_stale(
            connection, list(context.instance.get_dynamic_partitions(SEQUENCES_NAME))
        )
    if not missing and not stale:
        return dg.SkipReason("Every sequence has its partition.")
    return dg.SensorResult(
        dynamic_partitions_requests=[
            SEQUENCES.build_add_request(missing),
            SEQUENCES.build_delete_request(stale),
        ]
    )


@contextmanager
def _told() -> Generator[None]:
    """What can't be done fails the partition with its sentence, and is not tried again by itself."""
    try:
        yield
    except XmitError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def _month(key: str) -> date:
    return date.fromisoformat(key)
