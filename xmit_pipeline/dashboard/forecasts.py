"""Forecasts under way and done, kept in this process: a page asks, and comes back for what is not told at once.

A forecast changes nothing, so asking is reading: who may look may ask, and an answer is shared by all visitors.
"""

import logging
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from xmit_pipeline.delivery.forecast import UNKNOWN_AFTER, Forecast, Plan, forecast
from xmit_pipeline.delivery.forecast_turns import ForecastTurns
from xmit_pipeline.model.clock import Clock
from xmit_pipeline.model.errors import Conflict, XmitError
from xmit_pipeline.store.connection import Store

WAIT_SECONDS = 1.0
"""How long a page waits for the answer before it shows how far it is."""
KEPT = timedelta(hours=1)
MOST_KEPT = 40
MOST_WAITING = 5
"""Forecasts asked for and not told yet; they are played one at a time."""

_log = logging.getLogger("xmit.dashboard")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of which sequence. `start` is None for the time of the asking."""

    sequence_id: UUID
    days: int
    start: datetime | None = None
    list_id: UUID | None = None
    rate: int | None = None

    def plan(self, now: datetime) -> Plan:
        """The forecast's own plan. BadInput where it can't be one."""
        return Plan(self.start or now, self.days, self.list_id, self.rate)


@dataclass(slots=True)
class Playing:
    """One forecast: how many days are played, and in the end what it told, or the fault it ended with."""

    question: Question
    plan: Plan
    asked_at: datetime
    days_played: int = 0
    begun: bool = False
    told: Forecast | None = None
    fault: XmitError | None = None
    over: threading.Event = field(default_factory=threading.Event)


class Forecasts:
    """The one place of a process where forecasts are asked for."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        turns: ForecastTurns | None = None,
        unknown_after: timedelta = UNKNOWN_AFTER,
    ) -> None:
        """`turns` are those of the API's calls, too."""
        self._store = store
        self._clock = clock
        self._unknown_after = unknown_after
        self._state = threading.Lock()
        self.turn = (turns or ForecastTurns()).playing
        self._playing: dict[Question, Playing] = {}

    def ask(self, question: Question, after: datetime | None = None) -> Playing:
        """The forecast for this question, played anew where the kept one is old, or was asked before `after`.

        Waits a moment for it. BadInput for what can't be played, Conflict where too many wait already.
        """
        with self._state:
            now = self._clock.now()
            found = self._playing.get(question)
            if found is None or self._is_old(found, now, after):
                found = self._begin(question, now)
        found.over.wait(WAIT_SECONDS)
        return found

    def _is_old(self, found: Playing, now: datetime, after: datetime | None) -> bool:
        if not found.over.is_set():
            return False
        return now - found.asked_at > KEPT or (after is not None and found.asked_at < after)

    def _begin(self, question: Question, now: datetime) -> Playing:
        plan = question.plan(now)
        waiting = sum(not each.over.is_set() for each in self._playing.values())
        if waiting >= MOST_WAITING:
            raise Conflict(f"{waiting} forecasts are under way already; ask again when one of them is done.")
        done = [asked for asked, each in self._playing.items() if each.over.is_set()]
        for asked in done[: max(0, len(self._playing) + 1 - MOST_KEPT)]:
            del self._playing[asked]
        begun = Playing(question, plan, now)
        self._playing.pop(question, None)
        self._playing[question] = begun
        threading.Thread(target=self._play, args=(begun,), name="xmit-forecast", daemon=True).start()
        return begun

    def _play(self, playing: Playing) -> None:
        def tell(days: int, _of: int) -> None:
            playing.days_played = days

        try:
            with self.turn:
                playing.begun = True
                playing.told = forecast(
                    self._store,
                    playing.question.sequence_id,
                    playing.plan,
                    tell,
                    unknown_after=self._unknown_after,
                )
        except XmitError as error:
            playing.fault = error
        except Exception:
            _log.exception("a forecast failed inside xmit")
            playing.fault = XmitError("Something failed inside xmit; its log has the details.")
        finally:
            playing.over.set()
