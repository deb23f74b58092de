"""The mailbox of the sandbox: every accepted request, kept as it came and opened only when somebody looks."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import Any

import orjson

from xmit_pipeline.sandbox.index import MailIndex
from xmit_pipeline.sandbox.mail import AcceptedRequest, Mail
from xmit_pipeline.sandbox.records import FileRecords, MemoryRecords, Records
from xmit_pipeline.sandbox.validation.shape import JsonObject


@dataclass(frozen=True, slots=True)
class Page:
    """Some mails, newest first, and how many there are in all."""

    mails: list[Mail]
    total: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """Requests from some record on, how many records there are, and how often the mailbox was cleared before."""

    requests: list[AcceptedRequest]
    records: int
    clearing: int


class Mailbox:
    """Accepted mail, in memory, or in `mail.jsonl` of a folder and there again after a restart.

    Every method may be called from any thread. Raises Conflict where another process has the folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._lock = Lock()
        self._records: Records = MemoryRecords() if folder is None else FileRecords(folder)
        self._clearing = 0
        self._reset()
        for line in self._records:
            self._take_up(line)

    def _reset(self) -> None:
        self._index = MailIndex()
        self._message_ids: set[str] = set()
        self._refused = 0
        self._preflights = 0

    def _take_up(self, line: bytes) -> None:
        try:
            record = orjson.loads(line)
            self._message_ids.add(record["id"])
            self._index.add(record["body"], datetime.fromisoformat(record["at"]))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            self._index.skip()

    def accept(self, raw: bytes, body: JsonObject, accepted_at: datetime) -> str:
        """Keep a valid request whole and answer its X-Message-Id; `body` is what `raw` parses to.

        The id is made of request and time, so that the same campaign has the same events (`events.py`).
        """
        at = accepted_at.isoformat().encode()
        digest = blake2b(raw, digest_size=16)
        digest.update(at)
        # line breaks are never part of a JSON string, so a record stays one line without parsing it again
        rest = b'","at":"%b","body":%b}' % (at, raw.translate(None, b"\r\n"))
        with self._lock:
            while (message_id := urlsafe_b64encode(digest.digest())[:22].decode()) in self._message_ids:
                digest.update(b"again")
            self._records.append(b'{"id":"' + message_id.encode() + rest)
            self._index.add(body, accepted_at)
            self._message_ids.add(message_id)
        return message_id

    def accepted(self, start: int) -> Accepted:
        """The requests from record `start` on, in order, without those that can't be read."""
        with self._lock:
            records = self._index.records
            requests = [
                self._request(record) for record in range(start, records) if self._index.holds(record)
            ]
            return Accepted(requests, records, self._clearing)

    def count_refusal(self) -> None:
        """Note a Mail Send call that was not accepted, for whatever reason."""
        with self._lock:
            self._refused += 1

    def count_preflight(self) -> None:
        """Note a Mail Send call in sandbox_mode, which keeps nothing."""
        with self._lock:
            self._preflights += 1

    def page(self, *, to: str | None = None, limit: int = 50, offset: int = 0) -> Page:
        """Mails newest first; `to` is one whole address, in any case."""
        with self._lock:
            numbers = range(self._index.mails) if to is None else self._index.by_address.get(to.lower(), [])
            return self._page(numbers, limit, offset)

    def search(self, text: str, *, limit: int = 50, offset: int = 0) -> Page:
        """Mails newest first whose address holds `text`, in any case."""
        with self._lock:
            return self._page(self._index.containing(text), limit, offset)

    def mail(self, number: int) -> Mail | None:
        """One mail by its number, or None where there is no such mail."""
        with self._lock:
            return self._open([number])[0] if 0 <= number < self._index.mails else None

    def _page(self, numbers: Sequence[int], limit: int, offset: int) -> Page:
        end = max(len(numbers) - offset, 0)
        newest_first = numbers[max(end - limit, 0) : end][::-1]
        return Page(self._open(newest_first), len(numbers))

    def _open(self, numbers: Sequence[int]) -> list[Mail]:
        requests: dict[int, AcceptedRequest] = {}
        mails: list[Mail] = []
        for number in numbers:
            record, ordinal = self._index.place(number)
            if record not in requests:
                requests[record] = self._request(record)
            mails.append(requests[record].mail(ordinal, number))
        return mails

    def _request(self, record: int) -> AcceptedRequest:
        kept = orjson.loads(self._records.read(record))
        return AcceptedRequest(record + 1, kept["id"], datetime.fromisoformat(kept["at"]), kept["body"])

    @property
    def acceptances(self) -> Mapping[str, int]:
        """How often each `xmit_message` custom arg was accepted: the oracle for "nobody twice"."""
        with self._lock:
            return dict(self._index.acceptances)

    def stats(self) -> dict[str, Any]:
        """Counts in the form of `GET /_sandbox/stats`; `doubled` are message ids accepted more than once."""
        with self._lock:
            index = self._index
            return {
                "requests": index.requests + self._refused + self._preflights,
                "refused": self._refused,
                "messages": index.mails,
                "distinctMessages": len(index.acceptances),
                "doubled": sum(times > 1 for times in index.acceptances.values()),
                "byDay": dict(sorted(index.by_day.items())),
            }

    def clear(self) -> None:
        """Forget all mail and all counts."""
        with self._lock:
            self._records.clear()
            self._clearing += 1
            self._reset()

    def close(self) -> None:
        """Give the folder back; the mail in it stays."""
        with self._lock:
            self._records.close()
