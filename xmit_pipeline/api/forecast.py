"""What a sequence would send when, under the quotas; nothing is sent or changed (SPEC 10)."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from xmit_pipeline.api.desk import AtDesk, AtSettings
from xmit_pipeline.api.shapes import ListId, SequenceId
from xmit_pipeline.api.shapes_forecast import ForecastAnswer
from xmit_pipeline.delivery.forecast import LONGEST, MOST_A_DAY, Forecast, Plan, forecast

router = APIRouter(prefix="/api/sequences/{sequence_id}", tags=["sequences"])

From = Annotated[datetime | None, Query(alias="from", description="When it begins; now where left out.")]
Days = Annotated[int, Query(ge=1, le=LONGEST, description="UTC days, the first one included.")]
EnrollList = Annotated[
    ListId | None, Query(alias="enrollList", description="A list whose members would join.")
]
Rate = Annotated[
    int | None,
    Query(
        alias="rate", ge=1, le=MOST_A_DAY, description="How many join a day: of the list, else new people."
    ),
]


@router.get("/forecast")
def forecast_sequence(
    desk: AtDesk,
    settings: AtSettings,
    sequence_id: SequenceId,
    start: From = None,
    days: Days = 30,
    enroll_list: EnrollList = None,
    rate: Rate = None,
) -> ForecastAnswer:
    """Play a draft or a live sequence forward: sent and deferred by day and step, and when the last is through."""
    moment = start or desk.clock.now()
    plan = Plan(start=moment, days=days, list_id=enroll_list, rate=rate)
    with desk.forecasting.turn():
        return _answer(forecast(desk.store, sequence_id, plan, unknown_after=settings.unknown_after))


def _answer(told: Forecast) -> ForecastAnswer:
    enrolled = told.enrolled
    given: dict[str, Any] = {
        "sequence_id": told.sequence_id,
        "days": [asdict(row) for row in told.rows],
        "finishes_at": told.finishes_at,
        "completed": told.completed,
        "active": told.active,
        "enrolled": enrolled.enrolled,
        "skipped": enrolled.skipped,
        "skipped_reasons": enrolled.skipped_reasons,
        "bottleneck": asdict(told.bottleneck) if told.bottleneck else None,
        "walls": told.walls,
        "others": told.others,
        "assumptions": told.assumptions,
    }
    return ForecastAnswer.model_validate(given)
