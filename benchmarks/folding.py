"""Webhook bodies of 768 KB into the store: events a second, archive and figures per message included."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import orjson

from benchmarks.figures import report, timed
from benchmarks.worlds import NOW, add_people, add_sequences, empty_world
from xmit_pipeline.model.ids import Kind, new_id, public_id
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.event_files import keep_body
from xmit_pipeline.store.events import fold_events

MESSAGES = 100_000
ROUNDS = 3
REQUEST_SIZE = 1000
"""Messages that SendGrid took in one request."""
BATCH = 1_500
"""Events of some 500 bytes in a body: SendGrid flushes at 768 KB."""

SENT = """
INSERT INTO message (id, enrollment_id, sequence_id, step_id, contact_id, email, state, presumed, due_at, overdue,
    request_id, created_at, sent_at, settled_at)
SELECT uuidv7(), enrollment.id, enrollment.sequence_id, step.id, contact.id, contact.email, 'sent', false, $now, false,
    $request, $now, $now, $now
FROM enrollment
JOIN contact ON contact.id = enrollment.contact_id
JOIN step ON step.sequence_id = enrollment.sequence_id
"""

KINDS = (
    ("processed", {}),
    ("delivered", {"response": "250 2.0.0 OK 1772452800 a1b2c3d4e5f6", "ip": "192.0.2.25", "tls": 1}),
    ("open", {"ip": "198.51.100.7", "sg_machine_open": False, "sg_content_type": "html"}),
    (
        "click",
        {"ip": "198.51.100.7", "url": "https://example.com/a", "url_offset": {"index": 0, "type": "html"}},
    ),
)
BROWSER = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_4) AppleWebKit/537.36 (KHTML, like Gecko) Safari/537.36"


def run() -> None:
    """All figures of this module: the best of some rounds, each over a store and bodies of its own."""
    speed = max(_events_a_second() for _ in range(ROUNDS))
    report("fold webhook events", speed, "events/s", limit=100_000, better="higher")


def _events_a_second() -> float:
    with empty_world() as (store, settings):
        events = land_events(store, settings.home)
        folded, seconds = timed(lambda: fold_events(store, settings, NOW + timedelta(hours=2)))
        assert folded.events == events
        return events / seconds


def land_events(store: EmbeddedStore, home: Path) -> int:
    """Four events of each of so many sent messages, as SendGrid would post them; answers how many."""
    with store.transaction() as connection:
        add_sequences(connection, 1)
        add_people(connection, MESSAGES, 1)
        connection.execute(SENT, {"now": NOW, "request": new_id()})
        messages = connection.execute("SELECT id, email FROM message").fetchall()
    requests = [public_id(Kind.REQUEST, new_id()) for _ in range(0, len(messages), REQUEST_SIZE)]
    entries = [
        event
        for place, (kind, fields) in enumerate(KINDS)
        for number, (message_id, email) in enumerate(messages)
        for request in [requests[number // REQUEST_SIZE]]
        for event in [_entry(kind, fields, message_id, request, email, place * MESSAGES + number)]
    ]
    for begin in range(0, len(entries), BATCH):
        keep_body(home, orjson.dumps(entries[begin : begin + BATCH]))
    return len(entries)


def _entry(
    kind: str, fields: Mapping[str, object], message_id: UUID, request: str, email: str, number: int
) -> dict[str, object]:
    return {
        "email": email,
        "timestamp": int(NOW.timestamp()) + number // 1000,
        "smtp-id": f"<{number:012d}@geopod-ismtpd-1>",
        "event": kind,
        "sg_event_id": f"{kind}-0-10000001-{number:022d}-0",
        "sg_message_id": f"{number:022d}.recvd-5d4f7b9c8-1-{number:X}-0.0",
        "useragent": BROWSER,
        "xmit_message": public_id(Kind.MESSAGE, message_id),
        "xmit_request": request,
        **fields,
    }
