"""What a tick does to enrollments before it looks at the frontier (SPEC 2, 3)."""

from dataclasses import dataclass
from datetime import datetime

from xmit_pipeline.store.connection import Store
from xmit_pipeline.store.existing_members import enroll_all_pending
from xmit_pipeline.store.ledger import fire_all
from xmit_pipeline.store.spread import spread_overdue
from xmit_pipeline.store.suppressions import expire_suppressions


@dataclass(frozen=True, slots=True)
class TickStart:
    """How many suppressions ran out, members and landed people were enrolled, and overdue ones were spread."""

    expired: int
    enrolled: int
    spread: int


def begin_tick(store: Store, now: datetime) -> TickStart:
    """For every tick that may post, before its first plan; short transactions, each whole in itself."""
    with store.transaction() as connection:
        expired = expire_suppressions(connection, now)
    enrolled = enroll_all_pending(store, now) + fire_all(store, now).enrolled
    with store.transaction() as connection:
        return TickStart(expired, enrolled, spread_overdue(connection, now))
