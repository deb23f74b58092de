"""Every invariant looked at because somebody asked: one short read a rule, so that a tick need not wait for all."""

import logging
import threading
from dataclasses import dataclass, field
from datetime import datetime

from xmit_pipeline.model.clock import Clock
from xmit_pipeline.model.errors import XmitError
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.findings import Finding, rules_told
from xmit_pipeline.store.invariants import BREACHES, breach_count

_log = logging.getLogger("xmit.dashboard")


@dataclass(slots=True)
class RuleCheck:
    """One check at a time; what the last one found stays until the next."""

    store: EmbeddedStore
    clock: Clock
    looked: int = 0
    found: list[Finding] = field(default_factory=list[Finding])
    found_at: datetime | None = None
    under_way: bool = False
    _starting: threading.Lock = field(default_factory=threading.Lock)

    @property
    def rules(self) -> int:
        """How many there are."""
        return len(BREACHES)

    def begin(self) -> None:
        """Look now, in the background; nothing where a look is under way."""
        with self._starting:
            if self.under_way:
                return
            self.under_way, self.looked = True, 0
        threading.Thread(target=self._run, name="xmit-rules", daemon=True).start()

    def _run(self) -> None:
        try:
            counts = {rule: self._count(rule) for rule in BREACHES}
            self.found, self.found_at = list(rules_told(counts)), self.clock.now()
        except XmitError as error:
            self.found, self.found_at = (
                [Finding("invariants", "could not be looked at", str(error))],
                self.clock.now(),
            )
        except Exception:
            _log.exception("the rules could not be looked at")
            words = Finding("invariants", "could not be looked at", "Look into the log for the reason.")
            self.found, self.found_at = [words], self.clock.now()
        finally:
            self.under_way = False

    def _count(self, rule: str) -> int:
        with self.store.snapshot() as connection:
            count = breach_count(connection, rule)
        self.looked += 1
        return count
