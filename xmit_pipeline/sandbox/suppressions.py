"""The account's suppression lists: what bounced, was blocked, complained or unsubscribed, and ASM groups."""

import time
from collections import defaultdict
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal, TypeAlias

ListName: TypeAlias = Literal["bounces", "blocks", "spam_reports", "invalid_emails", "unsubscribes"]

# what each list says of an entry beside `created` and `email`
_DETAILS: dict[ListName, tuple[str, ...]] = {
    "bounces": ("reason", "status"),
    "blocks": ("reason", "status"),
    "spam_reports": ("ip",),
    "invalid_emails": ("reason",),
    "unsubscribes": (),
}


@dataclass(frozen=True, slots=True)
class Suppression:
    """One address on one list; `created` is in Unix seconds."""

    email: str
    created: int
    reason: str = ""
    status: str = ""
    ip: str = "127.0.0.1"

    def as_json(self, list_name: ListName) -> dict[str, Any]:
        """The entry as that list shows it."""
        shown = {name: getattr(self, name) for name in _DETAILS[list_name]}
        return {"created": self.created, "email": self.email, **shown}


class SuppressionLists:
    """All lists of the account, in memory. Addresses are the same in any case. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._lists: dict[ListName, dict[str, Suppression]] = {name: {} for name in _DETAILS}
        self._groups: defaultdict[int, dict[str, Suppression]] = defaultdict(dict)

    def add(
        self,
        list_name: ListName,
        email: str,
        *,
        created: int | None = None,
        reason: str = "",
        status: str = "",
    ) -> None:
        """Put an address on a list; one that is there already keeps its entry."""
        entry = Suppression(email, int(time.time()) if created is None else created, reason, status)
        with self._lock:
            self._lists[list_name].setdefault(email.lower(), entry)

    def remove(self, list_name: ListName, email: str) -> bool:
        """Take an address off a list; False where it is not on it."""
        with self._lock:
            return self._lists[list_name].pop(email.lower(), None) is not None

    def find(self, list_name: ListName, email: str) -> Suppression | None:
        """The entry of an address on a list, or None."""
        return self._lists[list_name].get(email.lower())

    def entries(
        self, list_name: ListName, *, start: int | None = None, end: int | None = None, prefix: str = ""
    ) -> list[Suppression]:
        """Entries created from `start` to `end` (both included), newest first, whose address begins so."""
        with self._lock:
            chosen = [
                entry
                for address, entry in self._lists[list_name].items()
                if address.startswith(prefix.lower())
                and (start is None or entry.created >= start)
                and (end is None or entry.created <= end)
            ]
        return sorted(chosen, key=lambda entry: (-entry.created, entry.email.lower()))

    def add_to_group(self, group: int, email: str) -> None:
        """Put an address on an ASM group's list."""
        with self._lock:
            self._groups[group].setdefault(email.lower(), Suppression(email, int(time.time())))

    def remove_from_group(self, group: int, email: str) -> bool:
        """Take an address off an ASM group's list; False where it is not on it."""
        with self._lock:
            return self._groups[group].pop(email.lower(), None) is not None

    def group(self, group: int) -> list[str]:
        """The addresses on an ASM group's list."""
        with self._lock:
            return [entry.email for entry in self._groups[group].values()]
