"""A sequence played forward: asked by a form, told as charts and a table; a long one shows how far it is."""

from datetime import date, datetime
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from xmit_pipeline.api.shapes import Given, ListId, SequenceId
from xmit_pipeline.dashboard.faults import Faults, checked, faults_by_field
from xmit_pipeline.dashboard.forecasts import Forecasts, Playing, Question
from xmit_pipeline.dashboard.visit import AtVisit, Visit
from xmit_pipeline.delivery.forecast import LONGEST, MOST_A_DAY, Forecast, ForecastRow
from xmit_pipeline.model.clock import iso, parse_moment
from xmit_pipeline.model.errors import BadInput, NotFound
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.store.dashboard_lists import list_names
from xmit_pipeline.store.sequences import get_sequence

router = APIRouter(prefix="/sequences/{sequence_id}")

BLANK = {"days": "30", "from": "", "enrollList": "", "rate": ""}
"""The form before anything is asked, by the API's names."""


def _moment(text: str) -> datetime:
    try:
        return parse_moment(text)
    except ValueError as error:
        raise ValueError("A time is written as 2026-11-22T09:00, in UTC.") from error


class Asked(Given):
    """What the form asks, as the API's own call takes it."""

    days: int = Field(ge=1, le=LONGEST)
    start: Annotated[datetime, BeforeValidator(_moment)] | None = Field(default=None, alias="from")
    enroll_list: ListId | None = None
    rate: int | None = Field(default=None, ge=1, le=MOST_A_DAY)


@router.get("/forecast")
def show_forecast(visit: AtVisit, request: Request, sequence_id: SequenceId) -> Response:
    """The form, and below it what was asked: an answer, how far it is, or why there is none."""
    typed = {name: request.query_params.get(name, given).strip() for name, given in BLANK.items()}
    if "days" not in request.query_params:
        return _shown(visit, sequence_id, typed)
    try:
        asked = checked(Asked, {name: text for name, text in typed.items() if text})
        question = Question(sequence_id, asked.days, asked.start, asked.enroll_list, asked.rate)
        playing = _forecasts(request).ask(question, _after(request))
    except NotFound as error:
        return _shown(visit, sequence_id, typed, faults={"enrollList": str(error)})
    except BadInput as error:
        return _shown(visit, sequence_id, typed, faults=faults_by_field(error))
    return _shown(visit, sequence_id, typed, playing)


def _forecasts(request: Request) -> Forecasts:
    return cast(Forecasts, request.app.state.forecasts)


def _after(request: Request) -> datetime | None:
    """From when on an answer must have been asked for: the form's page says when it was made."""
    try:
        return parse_moment(request.query_params.get("after", ""))
    except ValueError:
        return None


def _shown(
    visit: Visit,
    sequence_id: UUID,
    typed: dict[str, str],
    playing: Playing | None = None,
    faults: Faults | None = None,
) -> Response:
    with visit.desk.reading() as (connection, now):
        sequence = get_sequence(connection, sequence_id)
        lists = [(public_id(Kind.LIST, row["id"]), row["name"]) for row in list_names(connection)]
    running = playing is not None and not playing.over.is_set()
    told = playing.told if playing and not running else None
    return visit.show(
        "forecast.html", status=400 if faults else 200, sequence=sequence, lists=lists, typed=typed,
        faults=faults or {}, playing=playing, running=running, told=told, refused=_refused(playing),
        after=iso(now), longest=LONGEST, most=MOST_A_DAY, **(_drawn(told) if told else {}),
    )  # fmt: skip


def _refused(playing: Playing | None) -> list[str]:
    """Why there is no answer: each fault of a draft, or the one sentence."""
    if playing is None or playing.fault is None:
        return []
    faults = playing.fault.faults if isinstance(playing.fault, BadInput) else []
    return [fault["message"] for fault in faults] or [str(playing.fault)]


def _drawn(told: Forecast) -> dict[str, Any]:
    """The forecast as its page shows it: `sent` and `waiting` by day, and `table`, a row a day on which anything is."""
    days: dict[date, list[ForecastRow]] = {}
    for row in told.rows:
        days.setdefault(row.date, []).append(row)
    sent = [(day, [sum(row.sent for row in rows)]) for day, rows in days.items()]
    waiting = [(day, [sum(row.deferred for row in rows)]) for day, rows in days.items()]
    table = [
        (day, [row.sent for row in rows], of_day, left)
        for (day, rows), (_, [of_day]), (_, [left]) in zip(days.items(), sent, waiting, strict=True)
        if of_day or left
    ]
    return {"sent": sent, "waiting": waiting, "table": table, "all_sent": sum(number for _, [number] in sent)}
