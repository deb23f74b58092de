"""What SendGrid says of a sending domain: whether it is authenticated (GET /v3/whitelabel/domains)."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import orjson
import urllib3
from python_http_client.exceptions import HTTPError

from xmit_pipeline.delivery.transport import SendGrid
from xmit_pipeline.model.errors import Conflict
from xmit_pipeline.model.settings import Settings

SANDBOX_KEY = "SG.sandbox"
"""What a loopback server is shown where no key is set; the sandbox takes any."""


def key_of(settings: Settings) -> str:
    """What SendGrid is shown: the key that is set, on a loopback server the sandbox's; blank where there is none."""
    return settings.sendgrid_key or (SANDBOX_KEY if settings.host_is_loopback else "")


@contextmanager
def connected(settings: Settings) -> Generator[SendGrid]:
    """SendGrid, or whatever SENDGRID_HOST names, over one connection; Conflict where there is no key to show."""
    key = key_of(settings)
    if not key:
        raise Conflict("SENDGRID_API_KEY is not set; set it, or run `xmit up`, which brings a sandbox.")
    sendgrid = SendGrid(key=key, host=settings.sendgrid_host, connections=1)
    try:
        yield sendgrid
    finally:
        sendgrid.close()


def is_authenticated(sendgrid: SendGrid, name: str) -> bool:
    """Whether SendGrid signs for this domain. Conflict, in words, where it does not say."""
    client: Any = sendgrid.api.client
    try:
        answer = client.whitelabel.domains.get(query_params={"domain": name})
        found = orjson.loads(answer.body)
    except HTTPError as error:
        raise Conflict(
            f"SendGrid did not say whether {name} is verified: it answered {error.status_code}."
        ) from error
    except (urllib3.exceptions.HTTPError, orjson.JSONDecodeError) as error:
        raise Conflict(f"SendGrid could not be asked whether {name} is verified: {error}") from error
    rows = found if isinstance(found, list) else []
    return any(
        isinstance(row, dict) and row.get("domain") == name and row.get("valid") is True for row in rows
    )
