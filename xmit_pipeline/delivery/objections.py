"""Who objects between the claim and the post, and what is stopped: looked at before every single one.

SPEC 4, 6.4, 7; PAINS E2.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xmit_pipeline.model.clock import Clock
from xmit_pipeline.model.errors import XmitError
from xmit_pipeline.store.connection import Store
from xmit_pipeline.store.wish_files import last_change, wish_waits
from xmit_pipeline.store.wishes import fold_wishes, objecting

OBJECTED = "somebody in this request has just objected, or it was stopped"
"""The words of a request that was given back for this."""


@dataclass(slots=True)
class Objections:
    """One tick's eye on the folder of wishes. `fold` before a window's last look, `of` before each of its posts.

    A look costs one `stat`. Where a wish has come or gone since, whether folded already or not, the store is asked.
    """

    store: Store
    home: Path
    clock: Clock
    _seen: int | None = None
    _who: set[str] = field(default_factory=set)
    _looking: threading.Lock = field(default_factory=threading.Lock)

    def fold(self) -> int:
        """Take in what waits; answers how many wishes. What came before this is the last look's to see."""
        with self._looking:
            self._seen = last_change(self.home)
            self._who = set()
        return fold_wishes(self.store, self.home, self.clock) if wish_waits(self.home) else 0

    def of(self, enrollment_ids: Sequence[str]) -> bool:
        """Whether anybody of these must not be mailed any more. Where the store can't say, nobody is."""
        try:
            self._look()
        except XmitError:
            return True
        return not self._who.isdisjoint(enrollment_ids)

    def _look(self) -> None:
        with self._looking:
            changed = last_change(self.home)
            if changed is None or changed != self._seen:
                self._who = objecting(self.store, self.home, self.clock.now())
                self._seen = changed
