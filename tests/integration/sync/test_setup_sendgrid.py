"""`xmit setup-sendgrid`: the webhook is there, signed, and its key lies where the API finds it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.campaigns import World
from tests.integration.cli.conftest import Xmit, xmit
from tests.integration.sync.conftest import calls, lists
from xmit_pipeline.delivery.control_calls import ControlCalls
from xmit_pipeline.delivery.signature import webhook_key
from xmit_pipeline.model.settings import read_settings, webhook_key_file
from xmit_pipeline.sandbox.server import running_sandbox

__all__ = ["calls", "lists", "xmit"]

WEBHOOKS = "user/webhooks/event/settings"
PUBLIC = "http://127.0.0.1:8000"


@pytest.fixture
def account(world: World, calls: ControlCalls, monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlCalls]:
    """An account without webhooks; the command's environment names its sandbox."""
    monkeypatch.setenv("SENDGRID_HOST", world.sandbox.url)
    monkeypatch.delenv("SENDGRID_WEBHOOK_PUBLIC_KEY", raising=False)
    order = world.sandbox.events.webhook
    _forget(calls)
    world.domain()
    world.store.close()
    yield calls
    _forget(calls)
    world.sandbox.events.webhook = order


def _forget(calls: ControlCalls) -> None:
    for webhook in webhooks(calls):
        calls.delete(f"{WEBHOOKS}/{webhook['id']}")


def webhooks(calls: ControlCalls) -> list[dict[str, Any]]:
    return calls.get(f"{WEBHOOKS}/all")["webhooks"]


def test_the_webhook_is_made_signed_and_known(world: World, account: ControlCalls, xmit: Xmit):
    said = xmit("setup-sendgrid")
    assert (said.code, said.err) == (0, "")
    (webhook,) = webhooks(account)
    assert (webhook["url"], webhook["enabled"]) == (f"{PUBLIC}/webhooks/sendgrid", True)
    kinds = ("processed", "delivered", "deferred", "bounce", "dropped", "open", "click", "spam_report")
    assert all(webhook[kind] for kind in (*kinds, "unsubscribe", "group_unsubscribe"))
    key = webhook_key_file(world.settings.home).read_text().strip()
    assert key == webhook["public_key"] == world.sandbox.events.key.public
    assert webhook_key(read_settings({"XMIT_HOME": str(world.settings.home)})) == key


@pytest.mark.usefixtures("account")
def test_the_environments_key_goes_before_the_file(world: World, xmit: Xmit):
    xmit("setup-sendgrid")
    home = str(world.settings.home)
    settings = read_settings({"XMIT_HOME": home, "SENDGRID_WEBHOOK_PUBLIC_KEY": "given"})
    assert webhook_key(settings) == "given"


@pytest.mark.usefixtures("account")
def test_another_key_in_the_environment_is_told(xmit: Xmit, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SENDGRID_WEBHOOK_PUBLIC_KEY", "an old key")
    assert "is another key" in xmit("setup-sendgrid").out


def test_running_again_changes_nothing(account: ControlCalls, xmit: Xmit):
    xmit("setup-sendgrid")
    before = webhooks(account)
    said = xmit("setup-sendgrid")
    assert "as it should be" in said.out
    assert "already" in said.out
    assert webhooks(account) == before


def test_what_was_changed_there_is_mended(account: ControlCalls, xmit: Xmit):
    """Also where the public address has moved: the webhook is found by its name."""
    account.post(WEBHOOKS, {"url": "http://127.0.0.1:1/old", "friendly_name": "xmit", "enabled": False})
    said = xmit("setup-sendgrid")
    assert "changed: url, enabled" in said.out
    (webhook,) = webhooks(account)
    assert (webhook["url"], webhook["open"]) == (f"{PUBLIC}/webhooks/sendgrid", True)


def test_other_programs_webhooks_stay(account: ControlCalls, xmit: Xmit):
    other = account.post(WEBHOOKS, {"url": "http://127.0.0.1:1/crm", "friendly_name": "crm", "open": True})
    xmit("setup-sendgrid")
    assert other in webhooks(account)
    assert len(webhooks(account)) == 2


def test_a_dry_run_only_tells(world: World, account: ControlCalls, xmit: Xmit):
    said = xmit("setup-sendgrid", "--dry-run")
    assert "would be created" in said.out
    assert webhooks(account) == []
    assert not webhook_key_file(world.settings.home).exists()


def test_a_public_address_is_asked_for(xmit: Xmit, monkeypatch: pytest.MonkeyPatch):
    """SendGrid can't post to this machine."""
    monkeypatch.setenv("SENDGRID_HOST", "https://api.sendgrid.com")
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.any")
    said = xmit("setup-sendgrid")
    assert said.code == 1
    assert "XMIT_PUBLIC_URL" in said.err


def test_a_missing_key_is_named(xmit: Xmit, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SENDGRID_HOST", "https://api.sendgrid.com")
    monkeypatch.setenv("XMIT_PUBLIC_URL", "https://mail.example.com")
    said = xmit("setup-sendgrid")
    assert (said.code, "SENDGRID_API_KEY" in said.err) == (1, True)


def test_domains_that_may_not_send_are_named(world: World, xmit: Xmit, monkeypatch: pytest.MonkeyPatch):
    world.domain("good.example")
    world.domain("other.example")
    world.store.close()
    with running_sandbox(verified_domains=frozenset({"good.example"})) as strict:
        monkeypatch.setenv("SENDGRID_HOST", strict.url)
        said = xmit("setup-sendgrid", "--dry-run")
    lines = {line.split("│")[1].strip(): line for line in said.out.splitlines() if line.startswith("│")}
    assert "authenticated at SendGrid" in lines["good.example"]
    assert "not authenticated" in lines["other.example"]
    assert "SendGrid will refuse it" in lines["hello@other.example"]
    assert "hello@good.example" not in lines


@pytest.mark.usefixtures("account")
def test_the_sandbox_posts_where_the_webhook_says(world: World, xmit: Xmit):
    """The sandbox behaves as SendGrid: events go to the webhook that was set up."""
    xmit("setup-sendgrid")
    assert world.sandbox.events.webhook.url == f"{PUBLIC}/webhooks/sendgrid"
