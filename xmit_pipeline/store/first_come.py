"""A lock that serves threads in the order in which they came: `threading.Lock` may starve one for seconds."""

import threading
from collections import deque
from types import TracebackType


class FirstComeLock:
    """To be used in a `with`; `queued` is how many threads wait for it."""

    def __init__(self) -> None:
        self._state = threading.Lock()
        self._queue: deque[threading.Lock] = deque()
        self._held = False

    @property
    def queued(self) -> int:
        return len(self._queue)

    def __enter__(self) -> None:
        with self._state:
            if not self._held:
                self._held = True
                return
            gate = threading.Lock()
            gate.acquire()
            self._queue.append(gate)
        try:
            gate.acquire()
        except BaseException:
            self._leave_queue(gate)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._state:
            self._hand_on()

    def _hand_on(self) -> None:
        if self._queue:
            self._queue.popleft().release()
        else:
            self._held = False

    def _leave_queue(self, gate: threading.Lock) -> None:
        """An interrupt while waiting: step out, or hand on a lock that was just handed over."""
        with self._state:
            if gate in self._queue:
                self._queue.remove(gate)
            else:
                self._hand_on()
