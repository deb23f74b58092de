"""What a forked tick is told, and what it tells: plain values, the same in the test and in the process it drives."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

POINTS = {
    "begin": ("xmit_pipeline.delivery.tick", "begin_tick"),
    "unknown": ("xmit_pipeline.delivery.tick", "settle_unknown"),
    "claim": ("xmit_pipeline.delivery.deliver", "claim"),
    "render": ("xmit_pipeline.delivery.deliver", "render_windows"),
    "last look": ("xmit_pipeline.delivery.deliver", "make_inflight"),
    "post all": ("xmit_pipeline.delivery.posting", "Posting.post_all"),
    "journal": ("xmit_pipeline.delivery.journal", "Journal.posted"),
    "post": ("xmit_pipeline.delivery.transport", "Mailer.post"),
    "refused": ("xmit_pipeline.delivery.journal", "Journal.not_sent"),
    "accepted": ("xmit_pipeline.delivery.journal", "Journal.accepted"),
    "settle": ("xmit_pipeline.delivery.deliver", "settle"),
    "circuit": ("xmit_pipeline.delivery.deliver", "fail_circuit"),
    "finish": ("xmit_pipeline.delivery.tick", "finish_tick"),
    "close": ("xmit_pipeline.store.connection", "EmbeddedStore.close"),
}
"""Calls of a tick around which it may die, or the disk may fill: where each is looked up."""


@dataclass(frozen=True, slots=True)
class Trap:
    """What befalls a tick. `kind`:

    `point`: killed `when` (before, after) the `nth` call of `point`. `line`: killed at its `nth` line of ours.
    `seconds`: killed from outside after `seconds`. `torn`: killed in the middle of the journal's `nth` line.
    `full`: from the `nth` call of `point` on, no file may grow beyond `room` bytes.
    """

    kind: str
    point: str = ""
    when: str = "before"
    nth: int = 1
    seconds: float = 0.0
    room: int = 0


@dataclass(frozen=True, slots=True)
class TickOrder:
    """One tick: where, when (its clock moves by `stride` seconds at each look), and what befalls it.

    `boot` stands for this boot of the machine, where given. `through`: `run_tick`, or `xmit tick` (Dagster's job).
    """

    home: str
    host: str
    moment: datetime
    tick_id: str
    stride: float = 0.0
    trap: Trap | None = None
    boot: str | None = None
    policy: str = "presume_sent"
    read_seconds: float = 1.0
    count_lines: bool = False
    through: str = "run_tick"


@dataclass(frozen=True, slots=True)
class TickEnd:
    """How it ended: `killed`, with an `error`, or with `counts` and a `note`; `seconds` it lived, `lines` it ran."""

    killed: bool
    seconds: float
    counts: dict[str, int] = field(default_factory=dict)
    note: str = ""
    error: str = ""
    recovered: int = 0
    lines: int = 0


def order_of(given: dict[str, Any]) -> TickOrder:
    """Read back from JSON."""
    trap = Trap(**given["trap"]) if given["trap"] else None
    return TickOrder(**{**given, "moment": datetime.fromisoformat(given["moment"]), "trap": trap})
