"""`xmit forecast`: what a sequence would send when, under the quotas; nothing is sent or changed."""

from datetime import datetime
from uuid import UUID

import orjson

from xmit_pipeline.cli.console import err, out, progress_bar, table_of, write_plain
from xmit_pipeline.cli.opened import opened_store
from xmit_pipeline.delivery.forecast import Forecast, Plan, forecast
from xmit_pipeline.model.clock import WallClock, parse_moment
from xmit_pipeline.model.errors import BadInput
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.store.naming import list_called, sequence_called

A_DAY = "/day"


def run_forecast(
    sequence: str,
    *,
    start: str | None,
    days: int,
    enroll_list: str | None,
    at_rate: str | None,
    as_json: bool,
) -> None:
    """Print a table by day; with `--json` a list of `{"date", "stepId", "sent", "deferred"}`."""
    with opened_store() as (store, settings), progress_bar() as bar:
        with store.snapshot() as connection:
            sequence_id = sequence_called(connection, sequence)
            list_id = list_called(connection, enroll_list) if enroll_list else None
        plan = Plan(start=_moment(start), days=days, list_id=list_id, rate=_rate(at_rate))
        task = bar.add_task("playing forward", total=plan.days)
        told = forecast(
            store,
            sequence_id,
            plan,
            lambda done, _: bar.update(task, completed=done),
            unknown_after=settings.unknown_after,
        )
    if as_json:
        write_plain(orjson.dumps([row_as_json(row.date.isoformat(), row.step_id, row.sent, row.deferred)
                                  for row in told.rows]).decode())  # fmt: skip
        return
    _print_days(told)
    _print_summary(told, plan)


def row_as_json(date: str, step_id: UUID, sent: int, deferred: int) -> dict[str, object]:
    """One row of the surface that SPEC 10 fixes."""
    return {"date": date, "stepId": public_id(Kind.STEP, step_id), "sent": sent, "deferred": deferred}


def _moment(text: str | None) -> datetime:
    if text is None:
        return WallClock().now()
    try:
        return parse_moment(text)
    except ValueError as error:
        raise BadInput(
            f"--from takes an ISO 8601 time such as 2026-11-22T09:00:00Z; it got {text!r}."
        ) from error


def _rate(text: str | None) -> int | None:
    if text is None:
        return None
    number = text.strip().removesuffix(A_DAY).strip()
    if not number.isdecimal():
        raise BadInput(f"--at-rate takes people a day, such as 500/day; it got {text!r}.")
    return int(number)


def _print_days(told: Forecast) -> None:
    table = table_of(["day"], figures=[*told.steps.values(), "all", "waiting"], title=told.sequence_name)
    for day in dict.fromkeys(row.date for row in told.rows):
        rows = [row for row in told.rows if row.date == day]
        sent, waiting = sum(row.sent for row in rows), sum(row.deferred for row in rows)
        if sent or waiting:
            figures = [*(row.sent for row in rows), sent, waiting]
            table.add_row(f"{day:%a %d %b %Y}", *(f"{figure:,}" for figure in figures))
    out.print(table)


def _print_summary(told: Forecast, plan: Plan) -> None:
    if told.enrolled.skipped:
        why = ", ".join(f"{count:,} {reason}" for reason, count in told.enrolled.skipped_reasons.items())
        out.print(f"{told.enrolled.enrolled:,} would be enrolled, {told.enrolled.skipped:,} not: {why}.")
    if told.finishes_at:
        out.print(
            f"The last of {told.completed:,} people is through on {told.finishes_at:%a %d %b %Y, %H:%M UTC}."
        )
    elif told.active:
        out.print(f"After {plan.days} days {told.active:,} people are still on their way.")
    for wall, people in told.walls.items():
        out.print(f"{people:,} of them wait before a wall ({wall}).")
    if told.bottleneck:
        worst = told.bottleneck
        out.print(
            f"The bottleneck is {worst.domain}: {worst.nights:,} nights waited in all, until {worst.until}."
        )
    for name, sent in told.others.items():
        out.print(f"On the same domains {name!r} sends {sent:,}.")
    err.print("Assumed:")
    for assumption in told.assumptions:
        err.print(f"  {assumption}")
