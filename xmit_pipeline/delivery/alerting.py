"""One word to a person's own alert address: a JSON post with a time-out, never raising for what the network does."""

from datetime import datetime

import orjson
import urllib3

from xmit_pipeline.model.clock import iso

SECONDS = 10.0


def post_alert(url: str, key: str, text: str, now: datetime) -> str | None:
    """Post `{"source", "key", "text", "at"}`; None once it was taken, else what went wrong.

    `text` is the field that chat programs show of an incoming webhook.
    """
    body = orjson.dumps({"source": "xmit", "key": key, "text": text, "at": iso(now)})
    with urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(total=SECONDS)) as pool:
        try:
            answer = pool.request(
                "POST", url, body=body, headers={"Content-Type": "application/json"}, redirect=False
            )
        except urllib3.exceptions.HTTPError as error:
            return f"no answer: {error}"
    return None if 200 <= answer.status < 300 else f"it answered {answer.status}"  # noqa: PLR2004
