"""`xmit keys`: made once, shown without their secret, revoked at once."""

from tests.integration.cli.conftest import Xmit, xmit_process
from xmit_pipeline.store.audit import audit_page
from xmit_pipeline.store.connection import EmbeddedStore
from xmit_pipeline.store.keys import KeyScope, hash_of, live_keys


def test_new_key_stands_alone_on_standard_output(store: EmbeddedStore):
    """SPEC 10: `KEY=$(xmit keys create web)` works."""
    said = xmit_process("keys", "create", "web")
    key = said.out.removesuffix("\n")
    assert said.code == 0
    assert key.startswith("pm_live_")
    assert "\n" not in key
    with store.snapshot() as connection:
        assert [(each.hash, each.scope) for each in live_keys(connection)] == [(hash_of(key), KeyScope.FULL)]


def test_list_shows_no_secret(xmit: Xmit):
    key = xmit("keys", "create", "web").out.strip()
    shown = xmit("keys", "list").out
    assert key[:12] in shown
    assert key not in shown


def test_no_keys_say_how_to_make_one(xmit: Xmit):
    assert "xmit keys create NAME" in xmit("keys", "list").out


def test_revoked_key_is_dead_at_once(store: EmbeddedStore, xmit: Xmit):
    xmit("keys", "create", "web")
    assert xmit("keys", "revoke", "web").out == "1 key revoked.\n"
    with store.snapshot() as connection:
        assert live_keys(connection) == []


def test_reading_key_is_made_and_shown(store: EmbeddedStore, xmit: Xmit):
    """SPEC 8: scopes `full` and `read`."""
    xmit("keys", "create", "board", "--scope", "read")
    assert "read" in xmit("keys", "list").out
    with store.snapshot() as connection:
        assert [each.scope for each in live_keys(connection)] == [KeyScope.READ]


def test_unknown_scope_is_a_sentence(xmit: Xmit):
    said = xmit("keys", "create", "web", "--scope", "root")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("xmit: A key's scope is full (everything) or read (look only)")


def test_audit_knows_each_key(store: EmbeddedStore, xmit: Xmit):
    """Who changed what holds for keys too."""
    xmit("keys", "create", "web")
    xmit("keys", "revoke", "web")
    with store.snapshot() as connection:
        assert [row["what"] for row in audit_page(connection)] == ["revoke_key", "create_key"]


def test_unknown_key_is_a_sentence(xmit: Xmit):
    said = xmit("keys", "revoke", "nope")
    assert (said.code, said.out) == (1, "")
    assert said.err == "xmit: There is no live key named 'nope'; `xmit keys list` shows them.\n"


def test_blank_name_is_refused(xmit: Xmit):
    assert xmit("keys", "create", " ").err.startswith("xmit: Give the key a name")
