"""Which names a writer can insert: the keys that contacts' metadata have, from a sample of them."""

from xmit_pipeline.store.connection import Connection

SAMPLE = 2000
MOST_KEYS = 40

KEYS = """
SELECT key, count(*) AS contacts
FROM (
    SELECT unnest(json_keys(metadata)) AS key
    FROM (SELECT metadata FROM contact WHERE deleted_at IS NULL AND metadata <> '{}' LIMIT $sample)
)
WHERE regexp_full_match(key, '[A-Za-z_][A-Za-z0-9_]*')
GROUP BY key ORDER BY contacts DESC, key LIMIT $most
"""


def metadata_keys(connection: Connection) -> list[str]:
    """The keys that most of a sample have, the most frequent first."""
    return [key for key, _ in connection.execute(KEYS, {"sample": SAMPLE, "most": MOST_KEYS}).fetchall()]
