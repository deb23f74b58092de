"""Shapes of a forecast: rows by day and step, and what they come to (SPEC 10)."""

import datetime

from pydantic import Field

from xmit_pipeline.api.shapes import SequenceId, Shape, StepId


class ForecastDay(Shape):
    """One step on one UTC day."""

    date: datetime.date
    step_id: StepId
    sent: int
    deferred: int = Field(description="Due by the end of the day, and still waiting.")


class BottleneckDomain(Shape):
    """The domain that makes people wait longest."""

    domain: str
    nights: int = Field(description="The sum, over the nights, of those who waited.")
    until: datetime.date


class ForecastAnswer(Shape):
    """What a sequence would send when."""

    sequence_id: SequenceId
    days: list[ForecastDay]
    finishes_at: datetime.datetime | None = Field(
        description="null where somebody is still on the way at the end."
    )
    completed: int
    active: int
    enrolled: int
    skipped: int
    skipped_reasons: dict[str, int]
    bottleneck: BottleneckDomain | None
    walls: dict[str, int] = Field(
        description="Who waits at the end for something else than places, by its name."
    )
    others: dict[str, int] = Field(description="What other sequences send over the same domains, by name.")
    assumptions: list[str]
