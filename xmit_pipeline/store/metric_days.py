"""Figures of one UTC day counted anew, for late events (SPEC 7); the figures themselves are `store.metrics`'."""

from datetime import date

from xmit_pipeline.store.connection import Store, rows_as_dicts
from xmit_pipeline.store.metrics import FIGURES

FORGET_DAY = "DELETE FROM step_metric WHERE day = $day"

OF_DAY = FIGURES.format(
    feedback="message_feedback", which="coalesce(message.sent_at, message.settled_at)::DATE = $day"
)
COUNT_DAY = f"INSERT INTO step_metric BY NAME {OF_DAY}"

TOTALS = """
SELECT count(*) AS steps, coalesce(sum(sent), 0)::BIGINT AS sent, coalesce(sum(delivered), 0)::BIGINT AS delivered,
    coalesce(sum(human_opens), 0)::BIGINT AS human_opens, coalesce(sum(clicks), 0)::BIGINT AS clicks,
    coalesce(sum(unsubscribes), 0)::BIGINT AS unsubscribes
FROM step_metric WHERE day = $day
"""


def recount_day(store: Store, day: date) -> dict[str, int]:
    """Make the rows of `step_metric` of one day of posting anew, in one transaction; answers the day's totals."""
    with store.transaction() as connection:
        connection.execute(FORGET_DAY, {"day": day})
        connection.execute(COUNT_DAY, {"day": day})
        [totals] = rows_as_dicts(connection, TOTALS, {"day": day})
    return totals
