"""What people said by an unsubscribe link: folded from disk into the store, and asked for before a post (SPEC 7).

A wish acts on the address that was mailed, and on the contact only while that address is still theirs (SPEC 3).
"""

from datetime import datetime
from pathlib import Path

import polars as pl

from xmit_pipeline.model.clock import Clock
from xmit_pipeline.model.lifecycle import SuppressionReason
from xmit_pipeline.model.tokens import Wish
from xmit_pipeline.store.connection import Connection, Store, frame, offered
from xmit_pipeline.store.contacts import address_key
from xmit_pipeline.store.event_feedback import keep_link_unsubscribes
from xmit_pipeline.store.frontier import STEP_SENDERS
from xmit_pipeline.store.suppressions import ACTIVE_SUPPRESSIONS, suppress_staged
from xmit_pipeline.store.wish_files import put_wishes_away, waiting_wishes

SOURCE = "link"
"""What stands on a suppression that a link made."""

GIVEN = {"path": pl.String, "message_id": pl.String, "contact_id": pl.String}

OBJECTORS = """
CREATE OR REPLACE TEMP TABLE objector AS
SELECT given_wish.path, given_wish.message_id::UUID AS message_id, contact.id AS contact_id,
    message.id IS NOT NULL OR contact.id IS NOT NULL AS known,
    CASE WHEN message.id IS NULL THEN contact.email ELSE message.email END AS email
FROM given_wish
LEFT JOIN message ON message.id = given_wish.message_id::UUID
LEFT JOIN contact ON contact.id = given_wish.contact_id::UUID
"""
"""Where the message is no longer kept, the contact's present address stands for the one that was mailed."""

SUPPRESSING = """
SELECT DISTINCT email, getvariable('reason') AS reason, getvariable('source') AS source,
    NULL::TIMESTAMPTZ AS expires_at
FROM objector WHERE email <> ''
"""

TIGHTEN_DELETED = """
UPDATE contact SET status = 'unsubscribed', updated_at = $now
FROM objector
WHERE contact.id = objector.contact_id AND contact.deleted_at IS NOT NULL
  AND (objector.email IS NULL OR contact.address_hash = sha256($key || objector.email))
  AND firmness(contact.status) < firmness('unsubscribed')
"""
"""Who was deleted and comes back by an import comes back as they left."""

OBJECTING = f"""
SELECT DISTINCT message.enrollment_id::VARCHAR AS enrollment_id
FROM request
JOIN message ON message.request_id = request.id AND message.state = 'claimed'
JOIN enrollment ON enrollment.id = message.enrollment_id
JOIN contact ON contact.id = message.contact_id
LEFT JOIN ({ACTIVE_SUPPRESSIONS.replace("$now", "getvariable('moment')")}) AS suppressed
    ON suppressed.email = message.email
LEFT JOIN (SELECT DISTINCT email FROM objector) AS unfolded ON unfolded.email = message.email
LEFT JOIN step_sender ON step_sender.step_id = message.step_id
WHERE request.state = 'inflight'
  AND (enrollment.status <> 'active' OR contact.status <> 'active' OR contact.deleted_at IS NOT NULL
    OR suppressed.email IS NOT NULL OR unfolded.email IS NOT NULL OR step_sender.step_id IS NULL
    OR (step_sender.wall IS NOT NULL AND (NOT request.probe OR step_sender.probe_at IS NULL)))
"""  # noqa: S608  (a constant subquery)


def fold_wishes(store: Store, home: Path, clock: Clock) -> int:
    """Take every waiting wish into the store, in one transaction; answers how many there were.

    Suppresses the addresses that were mailed, sets their contacts `unsubscribed` and ends their open enrollments.
    Files go after the commit: what a death leaves behind is folded again, and changes nothing.
    """
    given = waiting_wishes(home)
    with store.transaction() as connection:
        now = clock.now()
        _stage(connection, given)
        variables = {"reason": SuppressionReason.UNSUBSCRIBE.value, "source": SOURCE}
        with offered(connection, "suppressing", frame(connection, SUPPRESSING, variables)):
            suppress_staged(connection, now)
        keep_link_unsubscribes(connection, now)
        key = address_key(connection)
        if key is not None:
            connection.execute(TIGHTEN_DELETED, {"now": now, "key": key})
        rows = connection.execute("SELECT DISTINCT path FROM objector WHERE NOT known").fetchall()
    unknown = {Path(path) for (path,) in rows}
    put_wishes_away(given.keys() - unknown, unknown)
    return len(given) - len(unknown)


def objecting(store: Store, home: Path, now: datetime) -> set[str]:
    """Enrollments with a message in an inflight request that must not go: their person has objected since.

    By a wish that waits on disk, or by anything that has ended or paused the enrollment, suppressed the address, or
    set up a wall meanwhile: a hold, a paused domain, a sender that may not be used.
    """
    given = waiting_wishes(home)
    with store.snapshot() as connection:
        _stage(connection, given)
        connection.execute(STEP_SENDERS)
        return set(frame(connection, OBJECTING, {"moment": now})["enrollment_id"])


def _stage(connection: Connection, given: dict[Path, Wish]) -> None:
    """Makes `objector (path, message_id, contact_id, known, email)`, a row a wish."""
    rows = [
        {"path": str(path), "message_id": str(wish.message_id), "contact_id": str(wish.contact_id)}
        for path, wish in given.items()
    ]
    with offered(connection, "given_wish", pl.DataFrame(rows, schema=GIVEN)):
        connection.execute(OBJECTORS)
