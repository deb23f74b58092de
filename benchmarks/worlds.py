"""Synthetic stores, made by SQL alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from xmit_pipeline.model.lifecycle import TriggerType
from xmit_pipeline.model.settings import Settings, read_settings
from xmit_pipeline.store import senders, sequences, steps
from xmit_pipeline.store.connection import Connection, EmbeddedStore

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

CONTACTS = """
INSERT INTO contact (id, email, first_name, last_name, metadata, status, created_at, updated_at)
SELECT uuidv7(), 'person' || i || '@example.com', 'Name' || i, 'Surname' || (i % 5000),
    '{"companyName":"Company ' || i || '","plan":"' || (i % 3) || '"}', 'active', $now, $now
FROM range($count) AS series(i)
"""

ENROLLMENTS = """
INSERT INTO enrollment (id, sequence_id, contact_id, status, source, step_id, due_at, enrolled_at, ended_at)
SELECT uuidv7(), sequence.id, contact.id, CASE WHEN due THEN 'active' ELSE 'completed' END, 'import',
    CASE WHEN due THEN step.id END,
    CASE WHEN due THEN date_trunc('minute', $now::TIMESTAMPTZ - to_minutes((hash(contact.id) % 300)::BIGINT)) END,
    $now, CASE WHEN NOT due THEN $now END
FROM (SELECT id, hash(id) % $one_in = 0 AS due FROM contact) AS contact
CROSS JOIN sequence
JOIN step ON step.sequence_id = sequence.id AND step.position = 1
"""

BODY = "<p>Hello {{ firstName | default: 'there' }},</p><p>welcome {{ companyName }}! Your plan is {{ plan }}.</p>"
PLAIN_BODY = "<p>Hello {{ firstName }} {{ lastName }},</p><p>welcome aboard, {{ companyName }}!</p>"


@contextmanager
def empty_world(host: str = "http://127.0.0.1:9") -> Iterator[tuple[EmbeddedStore, Settings]]:
    """A store and settings in a folder that goes away."""
    with TemporaryDirectory(prefix="xmit-bench-") as folder:
        settings = read_settings({"XMIT_HOME": folder, "SENDGRID_HOST": host})
        store = EmbeddedStore(Path(folder) / "xmit.duckdb")
        try:
            yield store, settings
        finally:
            store.close()


def add_sequences(connection: Connection, count: int, body: str = PLAIN_BODY) -> None:
    """Active sequences of one step each, all over one domain without a limit."""
    domain = senders.add_domain(connection, "bench.example", NOW, verified=True)
    senders.add_sender(connection, domain, "hello@bench.example", NOW)
    for number in range(count):
        sequence = sequences.create_sequence(
            connection, NOW, name=f"s{number}", trigger_type=TriggerType.MANUAL
        )
        steps.add_step(
            connection, sequence, NOW, name="one", subject="Welcome {{ firstName }}", body_html=body
        )
        sequences.activate(connection, sequence, NOW)


def add_people(connection: Connection, contacts: int, one_in: int) -> None:
    """Contacts, each enrolled in every sequence; one in so many contacts is due, the others completed."""
    connection.execute(CONTACTS, {"count": contacts, "now": NOW})
    connection.execute(ENROLLMENTS, {"one_in": one_in, "now": NOW})
