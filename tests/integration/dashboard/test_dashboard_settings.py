"""API keys, outgoing webhooks, templates and the audit trail (issue 7; SPEC 8)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.api.client import MovableClock
from tests.integration.dashboard.client import Browser, House, Page, Reader, opened_house
from tests.integration.outgoing.receiver import Receiver, running_receiver
from xmit_pipeline.api.auth import KEPT_SECONDS
from xmit_pipeline.model.ids import Kind, parse_id, public_id
from xmit_pipeline.store.audit import audit_page
from xmit_pipeline.store.connection import rows_as_dicts
from xmit_pipeline.store.keys import KeyScope, hash_of
from xmit_pipeline.store.templates import get_template

HOSTILE = "<script>alert(1)</script>"


def rows(house: House, query: str) -> list[dict[str, Any]]:
    with house.store.snapshot() as connection:
        return rows_as_dicts(connection, query)


def test_key_is_shown_once(house: House, browser: Browser) -> None:
    page = browser.send(browser.get("/settings"), "/settings/keys", name="shop", scope="read")

    [key] = re.findall(r'value="(pm_live_\w+)"', page.html)
    assert key not in browser.get("/settings").html
    [row] = rows(house, "SELECT * FROM api_key WHERE name = 'shop'")
    assert (row["hash"], row["scope"]) == (hash_of(key), "read")
    assert house.browser().sign_in(key).status == 200
    assert key not in str(rows(house, "SELECT details FROM audit"))
