"""Asking SendGrid whether a domain may send (SPEC 8)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.api.client import Api, opened_api
from xmit_pipeline.sandbox.server import running_sandbox


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Api]:
    """An API beside a SendGrid that knows one domain."""
    with (
        running_sandbox(verified_domains=frozenset({"known.example.com"})) as account,
        opened_api(tmp_path / "asking", SENDGRID_HOST=account.url) as opened,
    ):
        yield opened


@pytest.mark.parametrize(("name", "verified"), [("known.example.com", True), ("other.example.com", False)])
@pytest.mark.parametrize("declared", [True, False])
def test_sendgrid_decides_whether_a_domain_sends(
    asking: Api, name: str, *, verified: bool, declared: bool
) -> None:
    """SPEC 8: what it says holds for the domain and the senders on it, whatever the operator declared."""
    domain_id = asking.made("/api/domains", {"name": name, "verified": declared})["id"]
    asking.new_sender(domain_id, f"hello@{name}")

    told = asking.made(f"/api/domains/{domain_id}/verify")

    (sender,) = asking.found("/api/senders")["senders"]
    assert (told["verified"], sender["verified"]) == (verified, verified)
    assert asking.found(f"/api/domains/{domain_id}") == told


def test_silence_changes_nothing(tmp_path: Path) -> None:
    """Whoever can't be asked has not said no."""
    with opened_api(tmp_path / "deaf", SENDGRID_HOST="http://127.0.0.1:9") as deaf:
        domain_id = deaf.new_domain()

        answer = deaf.post(f"/api/domains/{domain_id}/verify")

        assert answer.status_code == 409
        assert deaf.found(f"/api/domains/{domain_id}")["verified"] is True
    with opened_api(tmp_path / "keyless", SENDGRID_HOST="https://api.sendgrid.com") as keyless:
        answer = keyless.post(f"/api/domains/{keyless.new_domain()}/verify")
        assert (answer.status_code, "SENDGRID_API_KEY" in answer.json()["error"]) == (409, True)
