"""What Dagster's own storage tells: does the daemon live, is the schedule on, how did it last go."""

from dataclasses import dataclass
from datetime import UTC, datetime

from xmit_pipeline.model.settings import Settings

SCHEDULE = "every_minute"


@dataclass(frozen=True, slots=True)
class DagsterState:
    """`heard_at`: the scheduler's last sign of life. `fault`: why the schedule's last look failed, in short."""

    heard_at: datetime | None = None
    switched_off: bool = False
    fault: str | None = None


def dagster_state(settings: Settings) -> DagsterState:
    """Read without starting anything; where Dagster has never run here, nothing is made."""
    if not (settings.dagster_home / "dagster.yaml").exists():
        return DagsterState()
    from dagster import DagsterInstance
    from dagster._core.scheduler.instigation import InstigatorStatus, TickStatus

    with DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        beat = instance.get_daemon_heartbeats().get("SCHEDULER")
        schedule = next((state for state in instance.all_instigator_state() if state.name == SCHEDULE), None)
        looks = (
            instance.get_ticks(schedule.instigator_origin_id, schedule.selector_id, limit=1)
            if schedule
            else []
        )
    failed = [look.error for look in looks if look.status == TickStatus.FAILURE and look.error]
    return DagsterState(
        heard_at=datetime.fromtimestamp(beat.timestamp, UTC) if beat else None,
        switched_off=schedule is not None and schedule.status == InstigatorStatus.STOPPED,
        fault=_in_short(failed[0].message) if failed else None,
    )


def _in_short(message: str) -> str:
    return " ".join(message.split())[:200]
