"""The sending side: places of the warmup day, who is due, and what went out."""

import dagster as dg

from xmit_pipeline.defs.audience import OWNERS
from xmit_pipeline.defs.enrollments import enrollments
from xmit_pipeline.defs.resources import ClockResource, SendGridResource, StoreResource
from xmit_pipeline.defs.tables import markdown_table
from xmit_pipeline.delivery.control_calls import ControlCalls
from xmit_pipeline.delivery.deliver import TickReport
from xmit_pipeline.delivery.email_logs import EmailLogs
from xmit_pipeline.delivery.tick import run_tick
from xmit_pipeline.store.frontier import DueGroup, due_groups
from xmit_pipeline.store.tick_checks import TICK_CHECKS, tick_breaches
from xmit_pipeline.store.warmup import DomainDay, domain_days, turn_of_day


@dg.asset(group_name="sending", kinds={"duckdb"}, owners=OWNERS, deps=["suppressions"])
def warmup_quotas(store: StoreResource, clock: ClockResource) -> dg.MaterializeResult:
    """One row a sending domain: today's limit, what is used and what is left; completes warmups that are done."""
    now = clock.clock().now()
    with store.open().transaction() as connection:
        completed = turn_of_day(connection, now)
        days = domain_days(connection, now)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(days),
            "places_left": sum(day.left or 0 for day in days),
            "completed_now": ", ".join(completed) or "none",
            "domains": markdown_table([_day_row(day) for day in days], "No sending domain yet."),
        }
    )


@dg.asset(group_name="sending", kinds={"duckdb"}, owners=OWNERS, deps=[enrollments, warmup_quotas])
def due_sends(store: StoreResource, clock: ClockResource) -> dg.MaterializeResult:
    """The frontier: everyone active whose time has come, by step, and who of them must wait for what."""
    now = clock.clock().now()
    with store.open().transaction() as connection:
        groups = due_groups(connection, now, store.settings().contact_gap)
    oldest = min((group.oldest_due_at for group in groups), default=now)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(group.due for group in groups),
            "deferred": sum(group.deferred for group in groups),
            "oldest_overdue_seconds": int((now - oldest).total_seconds()),
            "due": markdown_table([_due_row(group) for group in groups], "Nobody is due."),
        }
    )


@dg.asset(
    group_name="sending",
    kinds={"duckdb", "sendgrid"},
    owners=OWNERS,
    deps=[due_sends],
    check_specs=[
        dg.AssetCheckSpec(name, asset="sent_messages", description=meaning)
        for name, meaning in TICK_CHECKS.items()
    ],
)
def sent_messages(
    context: dg.AssetExecutionContext, store: StoreResource, clock: ClockResource, sendgrid: SendGridResource
) -> dg.MaterializeResult:
    """One row an e-mail owed to one contact by one step. Claims what is due, hands it to SendGrid, settles it."""
    settings, moment = store.settings(), clock.clock()

    def tell(report: TickReport) -> None:
        context.log.info(f"{report.claimed:,} claimed, {report.sent:,} sent")

    with sendgrid.mailer(settings, moment) as mailer:
        logs = EmailLogs(ControlCalls(mailer.sendgrid))
        result = run_tick(store.open(), settings, moment, mailer, context.run.run_id, tell, logs)
    if result.report.alert:
        context.log.error(result.report.alert)
    elif result.report.note:
        (context.log.error if result.report.refused else context.log.warning)(result.report.note)
    with store.open().snapshot() as connection:
        broken = tick_breaches(connection, context.run.run_id, moment.now())
    seconds = {
        f"seconds_{phase.replace(' ', '_')}": round(spent, 3)
        for phase, spent in result.report.seconds.items()
    }
    return dg.MaterializeResult(
        metadata={
            **result.counts,
            "released": result.report.released,
            "recovered": result.report.recovered,
            "note": result.report.note or "none",
            "still_due": markdown_table(
                [_due_row(group) for group in result.waiting], "Nobody is left waiting."
            ),
            **seconds,
        },
        check_results=[
            dg.AssetCheckResult(check_name=name, passed=count == 0, metadata={"broken": count})
            for name, count in broken.items()
        ],
    )


def _day_row(day: DomainDay) -> dict[str, object]:
    return {
        "domain": day.name,
        "warmup": day.state,
        "day": day.day,
        "limit": "none" if day.limit is None else day.limit,
        "used": day.used,
        "left": "" if day.left is None else day.left,
        "why paused": day.pause_reason,
    }


def _due_row(group: DueGroup) -> dict[str, object]:
    return {
        "step": group.step_name,
        "due": group.due,
        "deferred": group.deferred,
        "because of": group.wall,
        "until": f"{group.frees_at:%d %b %H:%M UTC}" if group.frees_at else "",
    }
