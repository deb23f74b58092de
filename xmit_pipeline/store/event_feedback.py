"""What a message's events come to: one row a message, made anew from all of them (SPEC 7, PAINS F3, F4, F5).

The rule in words is in docs/events.md. Order, repetition and lateness of events change nothing here.
"""

from datetime import datetime

from xmit_pipeline.model.settings import Settings
from xmit_pipeline.store.connection import Connection, Store

BUCKET_SIZE = 50_000
"""Messages counted anew in one transaction, where all are."""

TOLD = """
    SELECT event.message_id, event.effect, event.happened_at, event.url, event.attempt, event.ip, event.machine,
        coalesce(nullif(event.sg_event_id, ''), event.identity::VARCHAR) AS id
    FROM event JOIN touched_message ON touched_message.message_id = event.message_id
    WHERE event.effect IS NOT NULL
    UNION ALL
    SELECT link_unsubscribe.message_id, 'unsubscribed', happened_at, NULL, NULL, NULL, NULL, NULL
    FROM link_unsubscribe JOIN touched_message ON touched_message.message_id = link_unsubscribe.message_id
"""

RECOUNT = f"""
CREATE OR REPLACE TEMP TABLE recounted AS
SELECT message_id,
    bool_or(effect IN ('delivered', 'opened', 'clicked', 'complained', 'unsubscribed')) AS delivered,
    min(happened_at) FILTER (effect = 'delivered') AS delivered_at,
    count(*) FILTER (effect = 'opened')::INTEGER AS opens,
    count(*) FILTER (effect = 'opened' AND NOT machine)::INTEGER AS human_opens,
    count(*) FILTER (effect = 'clicked')::INTEGER AS clicks,
    clicks AS human_clicks,
    bool_or(effect = 'bounced') AS bounced,
    bool_or(effect IN ('blocked', 'soft')) AS blocked,
    bool_or(effect = 'dropped') AS dropped,
    bool_or(effect = 'complained') AS complained,
    bool_or(effect = 'unsubscribed') AS unsubscribed
FROM ({TOLD})
GROUP BY message_id
"""  # noqa: S608  (a constant subquery)
"""Right for whoever opened once at most, and clicked too seldom for a scanner; the others are `repeating`."""

REPEATING = """
CREATE OR REPLACE TEMP TABLE repeating AS
SELECT message_id, delivered_at, rule.seconds, rule.links
FROM recounted
CROSS JOIN (
    SELECT coalesce(any_value(seconds), 0) AS seconds, coalesce(any_value(links), 0) AS links FROM scanner_rule
) AS rule
WHERE opens > 1 OR clicks > 0 AND clicks >= least(2, rule.links)
"""

ANY_REPEATING = "SELECT 1 FROM repeating LIMIT 1"

COUNT_ONCE = f"""
CREATE OR REPLACE TEMP TABLE counted AS
WITH by_id AS (
    SELECT told.*, min(happened_at) OVER (PARTITION BY told.message_id, effect, id) AS first_at
    FROM ({TOLD}) AS told JOIN repeating ON repeating.message_id = told.message_id
    WHERE effect IN ('opened', 'clicked')
),
by_content AS (
    SELECT message_id, effect, url, attempt, min(first_at) AS happened_at, min(ip) AS ip, bool_and(machine) AS machine
    FROM by_id
    GROUP BY message_id, effect, url, attempt, by_id.happened_at
),
engaged AS (
    SELECT message_id, effect, happened_at, url, min(ip) AS ip, bool_and(machine) AS machine
    FROM by_content
    GROUP BY message_id, effect, happened_at, url, attempt
),
scanner AS (
    SELECT engaged.message_id, coalesce(engaged.ip, '') AS ip
    FROM engaged JOIN repeating ON repeating.message_id = engaged.message_id
    WHERE engaged.effect = 'clicked' AND engaged.happened_at <= repeating.delivered_at + to_seconds(repeating.seconds)
    GROUP BY engaged.message_id, coalesce(engaged.ip, ''), repeating.seconds, repeating.links
    HAVING repeating.seconds > 0 AND count(DISTINCT engaged.url) >= repeating.links
)
SELECT engaged.message_id,
    count(*) FILTER (engaged.effect = 'opened') AS opens,
    count(*) FILTER (engaged.effect = 'opened' AND NOT engaged.machine) AS human_opens,
    count(*) FILTER (engaged.effect = 'clicked') AS clicks,
    count(*) FILTER (engaged.effect = 'clicked' AND (scanner.message_id IS NULL
        OR engaged.happened_at > repeating.delivered_at + to_seconds(repeating.seconds))) AS human_clicks
FROM engaged
JOIN repeating ON repeating.message_id = engaged.message_id
LEFT JOIN scanner ON scanner.message_id = engaged.message_id AND scanner.ip = coalesce(engaged.ip, '')
GROUP BY engaged.message_id
"""  # noqa: S608  (a constant subquery)

CORRECT = """
UPDATE recounted SET opens = counted.opens, human_opens = counted.human_opens, clicks = counted.clicks,
    human_clicks = counted.human_clicks
FROM counted WHERE counted.message_id = recounted.message_id
"""

REPLACE = """
DELETE FROM message_feedback USING touched_message
WHERE message_feedback.message_id = touched_message.message_id;
INSERT INTO message_feedback BY NAME SELECT * EXCLUDE delivered_at FROM recounted;
"""

BUCKET = """
CREATE OR REPLACE TEMP TABLE touched_message AS
SELECT DISTINCT message_id FROM (
    SELECT message_id FROM event WHERE message_id IS NOT NULL
    UNION ALL SELECT message_id FROM message_feedback
    UNION ALL SELECT message_id FROM link_unsubscribe
) AS told
WHERE $buckets = 1 OR hash(message_id) % $buckets = $bucket
"""

NOTE_STEPS = """
INSERT INTO step_metric_due
SELECT DISTINCT message.step_id FROM message JOIN touched_message ON touched_message.message_id = message.id
WHERE message.step_id NOT IN (FROM step_metric_due)
"""

RULE_APPLIED = "SELECT 1 FROM scanner_rule WHERE seconds = $seconds AND links = $links AND applied"

LINK_UNSUBSCRIBE = """
INSERT INTO link_unsubscribe
SELECT DISTINCT objector.message_id, $now::TIMESTAMPTZ FROM objector
WHERE objector.known AND objector.message_id NOT IN (SELECT message_id FROM link_unsubscribe)
RETURNING message_id
"""


def refresh_feedback(connection: Connection) -> None:
    """Make the rows of `touched_message (message_id)` anew, and note their steps to be counted anew."""
    _recount(connection)
    connection.execute(REPLACE)
    connection.execute(NOTE_STEPS)


def recount_everything(connection: Connection) -> None:
    """The rows of all messages from all events, into the temporary table `recounted`; changes nothing."""
    connection.execute(BUCKET, {"buckets": 1, "bucket": 0})
    _recount(connection)


def keep_link_unsubscribes(connection: Connection, now: datetime) -> None:
    """Count each known message of `objector (message_id, known)` as unsubscribed: its link was used. Once ever."""
    if connection.execute(LINK_UNSUBSCRIBE, {"now": now}).fetchone():
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE touched_message AS SELECT DISTINCT message_id FROM objector WHERE known"
        )
        refresh_feedback(connection)


def follow_scanner_rule(store: Store, settings: Settings) -> bool:
    """Where the settings' scanner rule is another than that of the store, count everything anew by it.

    In short transactions; what a death leaves undone is done the next time. Who was human then, `store.engagement`
    works out anew at its next fold.
    """
    rule = {"seconds": settings.scanner_seconds, "links": settings.scanner_links}
    with store.transaction() as connection:
        if connection.execute(RULE_APPLIED, rule).fetchone():
            return False
        (counted,) = connection.execute("SELECT count(*) FROM message_feedback").fetchone() or (0,)
        connection.execute("DELETE FROM scanner_rule")
        connection.execute("INSERT INTO scanner_rule VALUES ($seconds, $links, false)", rule)
    buckets = 1 + counted // BUCKET_SIZE
    for bucket in range(buckets if counted else 0):
        with store.transaction() as connection:
            connection.execute(BUCKET, {"buckets": buckets, "bucket": bucket})
            refresh_feedback(connection)
    with store.transaction() as connection:
        connection.execute("UPDATE scanner_rule SET applied = true")
        connection.execute("DELETE FROM engagement_mark")
    return True


def _recount(connection: Connection) -> None:
    connection.execute(RECOUNT)
    connection.execute(REPEATING)
    if connection.execute(ANY_REPEATING).fetchone():
        connection.execute(COUNT_ONCE)
        connection.execute(CORRECT)
