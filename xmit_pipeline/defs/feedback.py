"""What came of it: SendGrid's events, what they ask for, and figures per step."""

from datetime import date

import dagster as dg

from xmit_pipeline.defs.audience import OWNERS
from xmit_pipeline.defs.resources import ClockResource, StoreResource
from xmit_pipeline.defs.sending import sent_messages
from xmit_pipeline.defs.tables import markdown_table
from xmit_pipeline.store.event_consequences import apply_consequences
from xmit_pipeline.store.event_replay import replay_days
from xmit_pipeline.store.events import fold_events
from xmit_pipeline.store.health import domain_health, pause_critical
from xmit_pipeline.store.metrics import refresh_step_metrics, step_summary

EVENT_DAYS = dg.DailyPartitionsDefinition(start_date="2025-01-01", end_offset=1)


@dg.asset(group_name="feedback", kinds={"duckdb", "parquet"}, owners=OWNERS)
def delivery_events(
    context: dg.AssetExecutionContext, store: StoreResource, clock: ClockResource
) -> dg.MaterializeResult:
    """One row an event of SendGrid's, each once; folded from the webhook's bodies, kept raw as Parquet by day."""
    report = fold_events(store.open(), store.settings(), clock.clock().now())
    for sentence in (report.note, *report.refused):
        if sentence:
            context.log.warning(sentence)
    kinds = [{"event": kind, "new": count} for kind, count in sorted(report.kinds.items())]
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": report.events,
            "bodies": report.files,
            "entries": report.entries,
            "orphans": report.orphans,
            "bodies_put_aside": len(report.refused),
            "kinds": markdown_table(kinds, "No new event."),
            "note": report.note or "none",
        }
    )


@dg.asset(group_name="feedback", kinds={"duckdb"}, owners=OWNERS, deps=[delivery_events])
def suppressions(
    context: dg.AssetExecutionContext, store: StoreResource, clock: ClockResource
) -> dg.MaterializeResult:
    """One row an address that must not be mailed and why; contacts' status, exits and warmup health follow here."""
    now, settings, opened = clock.clock().now(), store.settings(), store.open()
    done = apply_consequences(opened, now, soft_bounce_limit=settings.soft_bounce_limit)
    with opened.transaction() as connection:
        paused = pause_critical(connection, now)
        health = domain_health(connection, now)
    for name, words in paused.items():
        context.log.error(f"The warmup of {name} is paused: {words}.")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": done.suppressed,
            "expired": done.expired,
            "worst_bounce_rate": max((each.bounce_rate for each in health.values()), default=0.0),
            "worst_complaint_rate": max((each.complaint_rate for each in health.values()), default=0.0),
            "paused_now": ", ".join(paused) or "none",
        }
    )


@dg.asset(group_name="feedback", kinds={"duckdb"}, owners=OWNERS, deps=[sent_messages])
def step_metrics(
    context: dg.AssetExecutionContext, store: StoreResource, clock: ClockResource
) -> dg.MaterializeResult:
    """One row a step and UTC day of the post: SPEC 7's figures, counted anew from messages and their events."""
    opened = store.open()
    refreshed = refresh_step_metrics(opened, context.run.run_id, clock.clock().now())
    with opened.snapshot() as connection:
        summary = step_summary(connection)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(summary),
            "steps_counted_anew": refreshed,
            "sent_in_all": sum(row["sent"] for row in summary),
            "delivered_in_all": sum(row["delivered"] for row in summary),
            "steps": markdown_table(summary, "No sequence has started yet."),
        }
    )


@dg.asset(group_name="rebuild", kinds={"duckdb", "parquet"}, owners=OWNERS, partitions_def=EVENT_DAYS)
def event_days(
    context: dg.AssetExecutionContext, store: StoreResource, clock: ClockResource
) -> dg.MaterializeResult:
    """The events that happened on one UTC day, rebuilt from the archive with all figures; nothing of the tick's."""
    day = date.fromisoformat(context.partition_key)
    report = replay_days(store.open(), store.settings(), day, day, clock.clock().now())
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": report.events,
            "were_missing": report.missing,
            "stood_alone": report.stray,
        }
    )
