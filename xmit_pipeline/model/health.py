"""How a sending domain stands with those who get its mail (SPEC 4): counts in, a word out."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

BOUNCES_WARN, BOUNCES_CRITICAL, BOUNCES_AT_LEAST = 0.03, 0.05, 5
COMPLAINTS_WARN, COMPLAINTS_CRITICAL, COMPLAINTS_AT_LEAST = 0.0005, 0.001, 3


class HealthState(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Health:
    """Of the messages sent since `since`, how many bounced for good and how many brought a complaint."""

    since: datetime
    sent: int
    bounces: int
    complaints: int

    @property
    def bounce_rate(self) -> float:
        return self.bounces / self.sent if self.sent else 0.0

    @property
    def complaint_rate(self) -> float:
        return self.complaints / self.sent if self.sent else 0.0

    @property
    def state(self) -> HealthState:
        """Critical takes numbers as well as a rate: one complaint in a young warmup is no verdict."""
        if self._bounces_critical or self._complaints_critical:
            return HealthState.CRITICAL
        if self.bounce_rate > BOUNCES_WARN or self.complaint_rate > COMPLAINTS_WARN:
            return HealthState.WARNING
        return HealthState.GOOD

    @property
    def words(self) -> str:
        """The figures as a reason that a person reads."""
        parts: list[str] = []
        if self.bounce_rate > BOUNCES_WARN:
            parts.append(f"{self.bounces:,} of {self.sent:,} mails bounced ({self.bounce_rate:.1%})")
        if self.complaint_rate > COMPLAINTS_WARN:
            parts.append(
                f"{self.complaints:,} of {self.sent:,} brought a complaint ({self.complaint_rate:.2%})"
            )
        return f"health {self.state}: {'; '.join(parts)}" if parts else "health good"

    @property
    def row(self) -> dict[str, object]:
        """All of it by name, as the API shows it."""
        return {
            "state": self.state,
            "since": self.since,
            "sent": self.sent,
            "bounces": self.bounces,
            "complaints": self.complaints,
            "bounce_rate": self.bounce_rate,
            "complaint_rate": self.complaint_rate,
        }

    @property
    def _bounces_critical(self) -> bool:
        return self.bounce_rate > BOUNCES_CRITICAL and self.bounces >= BOUNCES_AT_LEAST

    @property
    def _complaints_critical(self) -> bool:
        return self.complaint_rate > COMPLAINTS_CRITICAL and self.complaints >= COMPLAINTS_AT_LEAST
