"""Many small changes of one process in one transaction: who comes while one is under way joins the next (DESIGN 3).

It knows threads and transactions; what a group does is its caller's.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from xmit_pipeline.model.errors import XmitError
from xmit_pipeline.store.connection import Connection, Store

Wish = TypeVar("Wish")
Answer = TypeVar("Answer")
Work = Callable[[Connection, Sequence[Wish]], Sequence[Answer | XmitError]]


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Wish, Answer]):
    """One caller: what it wishes, and what became of that."""

    wish: Wish
    woken: threading.Event = field(default_factory=threading.Event)
    leads: bool = False
    answer: Answer | None = None
    error: BaseException | None = None

    def settle(self, answer: Answer | None, error: BaseException | None) -> None:
        self.answer, self.error = answer, error
        self.woken.set()


class GroupCommit(Generic[Wish, Answer]):
    """Wishes gathered into transactions of at most `largest` weight; a wish heavier than that goes alone.

    `work` answers each wish of a group, with an XmitError where it can't be granted, which must then have
    changed nothing. Where it fails as a whole, its wishes are tried one by one: none undoes another.
    """

    def __init__(
        self, store: Store, work: Work[Wish, Answer], *, weight: Callable[[Wish], int], largest: int
    ) -> None:
        self._store = store
        self._work = work
        self._weight = weight
        self._largest = largest
        self._state = threading.Lock()
        self._queue: deque[_Waiting[Wish, Answer]] = deque()
        self._led = False

    @property
    def waiting(self) -> int:
        """How many wishes are in no transaction yet."""
        return len(self._queue)

    def ask(self, wish: Wish) -> Answer:
        """What `work` answers, once it is committed; raises what it raised. Blocks."""
        mine = _Waiting[Wish, Answer](wish)
        with self._state:
            self._queue.append(mine)
            mine.leads, self._led = not self._led, True
        if not mine.leads:
            mine.woken.wait()
        if mine.leads:
            self._lead()
        if mine.error is not None:
            raise mine.error
        return mine.answer  # type: ignore[return-value]  # an Answer: there was no error

    def _lead(self) -> None:
        """Serve one group, its first member this thread, and make the next in the queue lead the next one."""
        try:
            self._serve()
        finally:
            with self._state:
                self._led = bool(self._queue)
                if self._led:
                    self._queue[0].leads = True
                    self._queue[0].woken.set()

    def _serve(self) -> None:
        group: list[_Waiting[Wish, Answer]] = []
        try:
            with self._store.transaction() as connection:
                group = self._taken()  # only now: all who came while the turn was awaited are in it
                answers = self._work(connection, [each.wish for each in group])
        except BaseException as error:
            self._fail(group, error)
        else:
            _settle(group, answers)

    def _fail(self, group: list[_Waiting[Wish, Answer]], error: BaseException) -> None:
        if len(group) > 1 and isinstance(error, Exception):
            for each in group:
                self._serve_alone(each)
            return
        for each in group or self._taken_all():
            each.settle(None, error)

    def _serve_alone(self, each: _Waiting[Wish, Answer]) -> None:
        try:
            with self._store.transaction() as connection:
                answers = self._work(connection, [each.wish])
        except BaseException as error:
            each.settle(None, error)
        else:
            _settle([each], answers)

    def _taken(self) -> list[_Waiting[Wish, Answer]]:
        with self._state:
            taken = [self._queue.popleft()]
            weight = self._weight(taken[0].wish)
            while self._queue and weight + self._weight(self._queue[0].wish) <= self._largest:
                weight += self._weight(self._queue[0].wish)
                taken.append(self._queue.popleft())
            return taken

    def _taken_all(self) -> list[_Waiting[Wish, Answer]]:
        """The store could not be used: nobody who waits for it now would fare better."""
        with self._state:
            taken = list(self._queue)
            self._queue.clear()
            return taken


def _settle(group: Sequence[_Waiting[Wish, Answer]], answers: Sequence[Answer | XmitError]) -> None:
    for each, answer in zip(group, answers, strict=True):
        if isinstance(answer, XmitError):
            each.settle(None, answer)
        else:
            each.settle(answer, None)
