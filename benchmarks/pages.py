"""Pages over 1 M contacts and 3 M enrollments, against `xmit api` as a process (PAINS G5)."""

import time
from http import HTTPStatus
from http.client import HTTPConnection
from urllib.parse import urlencode

from benchmarks.api import running_api
from benchmarks.figures import report
from benchmarks.worlds import NOW, add_people, add_sequences, empty_world
from xmit_pipeline.model.ids import Kind, public_id
from xmit_pipeline.store import lists
from xmit_pipeline.store.connection import Connection
from xmit_pipeline.store.keys import create_key

CONTACTS = 1_000_000
SEQUENCES = 3
ONE_DUE_IN = 10
LIMIT = 150
"""Milliseconds that a page may take, in 19 of 20 answers."""
TIMES = 20
WARM = 3

MEMBERS = "INSERT INTO list_member SELECT $id, id, $now FROM contact"

PAGES = {
    "sequences": "/sequences",
    "sequences, searched": "/sequences?q=s1",
    "sequence": "/sequences/{sequence}",
    "a sequence's setup": "/sequences/{sequence}/setup",
    "people of a sequence": "/sequences/{sequence}/enrollments",
    "people, active ones": "/sequences/{sequence}/enrollments?status=active",
    "people, searched": "/sequences/{sequence}/enrollments?q=person77777",
    "a person": "/sequences/{sequence}/enrollments/{enrollment}",
    "whom to enroll": "/sequences/{sequence}/enroll?q=person4242",
    "a step": "/sequences/{sequence}/steps/{step}",
    "forecast, before it is asked": "/sequences/{sequence}/forecast",
    "contacts": "/contacts",
    "contacts, unsubscribed": "/contacts?status=unsubscribed",
    "contacts, searched": "/contacts?q=person777",
    "contacts, searched for nobody": "/contacts?q=no-such-person",
    "a contact": "/contacts/{contact}",
    "lists": "/lists",
    "a list of a million": "/lists/{list}",
    "a list, searched": "/lists/{list}?q=person777",
    "sending": "/sending",
    "a domain": "/sending/domains/{domain}",
    "suppressions": "/sending/suppressions",
    "unknown and held": "/sending/trouble",
    "system": "/system",
    "settings": "/settings",
    "webhooks": "/settings/webhooks",
    "templates": "/settings/templates",
    "audit": "/settings/audit",
}


def furnish(connection: Connection) -> dict[str, str]:
    """The world, a key, and an id of each kind by the name that `PAGES` has for it."""
    add_sequences(connection, SEQUENCES)
    add_people(connection, CONTACTS, ONE_DUE_IN)
    list_id = lists.create_list(connection, "Everybody", NOW)
    connection.execute(MEMBERS, {"id": list_id, "now": NOW})
    kinds = {
        "sequence": (Kind.SEQUENCE, "SELECT min(id) FROM sequence"),
        "step": (Kind.STEP, "SELECT id FROM step WHERE sequence_id = (SELECT min(id) FROM sequence)"),
        "domain": (Kind.DOMAIN, "SELECT id FROM domain"),
        "contact": (Kind.CONTACT, "SELECT min(id) FROM contact"),
        "enrollment": (
            Kind.ENROLLMENT,
            "SELECT min(id) FROM enrollment WHERE status = 'active' AND sequence_id = (SELECT min(id) FROM sequence)",
        ),
    }
    found = {
        name: public_id(kind, connection.execute(sql).fetchone()[0]) for name, (kind, sql) in kinds.items()
    }  # pyright: ignore[reportOptionalSubscript]
    return {**found, "list": public_id(Kind.LIST, list_id), "key": create_key(connection, "bench", NOW)}


def signed_in(port: int, key: str) -> dict[str, str]:
    """The headers of a visitor with a session."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/sign-in", urlencode({"key": key, "next": "/"}), form)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == HTTPStatus.SEE_OTHER, answer.status
    return {"Cookie": (answer.getheader("Set-Cookie") or "").partition(";")[0]}


def waits_for(port: int, path: str, headers: dict[str, str]) -> list[float]:
    """How long one page took each time, in milliseconds, over one connection."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    waits: list[float] = []
    for _ in range(WARM + TIMES):
        asked = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        waits.append((time.perf_counter() - asked) * 1000)
        assert answer.status == HTTPStatus.OK, (path, answer.status)
    connection.close()
    return sorted(waits[WARM:])


def run() -> None:
    """All figures of this module."""
    with empty_world() as (store, settings):
        with store.transaction() as connection:
            ids = furnish(connection)
        store.close()
        with running_api(settings) as port:
            headers = signed_in(port, ids["key"])
            for name, path in PAGES.items():
                waits = waits_for(port, path.format(**ids), headers)
                report(f"page, {name}, median", waits[len(waits) // 2], "ms", limit=LIMIT, better="lower")
                report(
                    f"page, {name}, p95", waits[int(len(waits) * 0.95) - 1], "ms", limit=LIMIT, better="lower"
                )
