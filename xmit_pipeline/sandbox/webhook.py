"""Posts event batches as SendGrid does: signed, several at a time, again and again until they are answered 2xx."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Event

import urllib3

from xmit_pipeline.sandbox.events_emission import OneClick
from xmit_pipeline.sandbox.webhook_key import WebhookKey
from xmit_pipeline.sandbox.webhook_order import WebhookOrder

SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 60.0
_PATIENCE = 10.0
_HTTP_OK = range(200, 300)


@dataclass(frozen=True, slots=True)
class Sent:
    """How posts went: bodies given, posts made, bodies that nobody took in the end."""

    given: int = 0
    posts: int = 0
    lost: int = 0


class Courier:
    """Connections to the webhook and to people's links; every method may be called from any thread."""

    def __init__(self, key: WebhookKey) -> None:
        self.key = key
        self._pool = urllib3.PoolManager(maxsize=32, retries=False, timeout=_PATIENCE)
        self._closing = Event()

    def events(self, order: WebhookOrder, bodies: Sequence[bytes]) -> Sent:
        """Post each body until it is taken; without a webhook's address nothing is posted."""
        if order.url is None:
            return Sent()
        return self._all(order, [partial(self._batch, order.url, body) for body in bodies])

    def one_clicks(self, order: WebhookOrder, wishes: Sequence[OneClick]) -> Sent:
        """Post each wish to its mail's own link, as mail apps do (RFC 8058, section 3.2)."""
        return self._all(order, [partial(self._wish, wish.url) for wish in wishes])

    def close(self) -> None:
        """Give up what is still being posted, and every connection."""
        self._closing.set()
        self._pool.clear()

    def _all(self, order: WebhookOrder, posts: Sequence[Callable[[], int]]) -> Sent:
        if not posts:
            return Sent()
        with ThreadPoolExecutor(order.parallel, "xmit-sandbox-webhook") as crew:
            tries = list(crew.map(lambda post: self._until_taken(post, order.retry_seconds), posts))
        return Sent(len(tries), sum(abs(count) for count in tries), sum(count < 0 for count in tries))

    def _until_taken(self, post: Callable[[], int], patience: float) -> int:
        """How many posts it took; negative where none was taken."""
        deadline, pause, tries = time.monotonic() + patience, _FIRST_PAUSE, 0
        while True:
            tries += 1
            if self._status(post) in _HTTP_OK:
                return tries
            left = deadline - time.monotonic()
            if left <= 0 or self._closing.wait(min(pause, left)):
                return -tries
            pause = min(2 * pause, _LONGEST_PAUSE)

    @staticmethod
    def _status(post: Callable[[], int]) -> int:
        try:
            return post()
        except (urllib3.exceptions.HTTPError, OSError):
            return 0

    def _batch(self, url: str, body: bytes) -> int:
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "SendGrid Event API",
            SIGNATURE: self.key.signature(timestamp, body),
            TIMESTAMP: timestamp,
        }
        return self._pool.request("POST", url, body=body, headers=headers, redirect=False).status

    def _wish(self, url: str) -> int:
        return self._pool.request(
            "POST", url, body=b"List-Unsubscribe=One-Click", redirect=False,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        ).status  # fmt: skip
