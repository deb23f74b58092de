"""Webhooks reach the public internet alone, judged by the very address connected to (SPEC 8, PAINS G4)."""

import socket
import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.campaigns import START
from tests.integration.outgoing.conftest import Hooks
from tests.integration.outgoing.receiver import Receiver
from xmit_pipeline.delivery.outgoing_address import AddressRefused, Place, connect, is_public
from xmit_pipeline.model.webhooks import WebhookType

PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104  (an address to refuse)
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001:db8::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "fd00::1",
    "ff02::1",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_not_public(address: str):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_public(address: str):
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0", "2130706433", "0x7f.1", "::ffff:127.0.0.1"])
def test_no_spelling_of_this_machine_is_connected_to(receiver: Receiver, host: str):
    with pytest.raises(AddressRefused, match="not on the public internet"):
        connect(host, receiver.port, 2, private_allowed=False)


def test_one_private_address_among_public_ones_refuses_the_host(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    """A name that answers both is how a firewall is walked around."""
    told = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", receiver.port)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", receiver.port)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: told)
    with pytest.raises(AddressRefused):
        connect("both.example", receiver.port, 2, private_allowed=False)


def test_a_name_is_resolved_once_and_that_address_connected_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    """DNS rebinding: a second look could be answered otherwise, so there is none."""
    asked: list[str] = []

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with connect("hooks.example", receiver.port, 2, private_allowed=True) as connection:
        assert connection.getpeername() == ("127.0.0.1", receiver.port)
    assert asked == ["hooks.example"]


def test_the_next_address_is_tried_where_one_is_dead(receiver: Receiver, monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as closing:
        dead = closing.getsockname()
    told = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in (dead, ("127.0.0.1", receiver.port))
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: told)
    with connect("hooks.example", receiver.port, 2, private_allowed=True) as connection:
        assert connection.getpeername()[1] == receiver.port


@contextmanager
def deaf_address() -> Generator[Place]:
    """A place of this machine where nobody answers: its queue of one is full, so that a connection waits."""
    with ExitStack() as opened:
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(2):
            filler = opened.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield Place(socket.AF_INET, listener.getsockname())


def test_all_addresses_share_one_time_limit(receiver: Receiver):
    """The first takes it all, so that twenty dead ones hold a tick no longer than one."""
    alive = Place(socket.AF_INET, ("127.0.0.1", receiver.port))
    with deaf_address() as deaf, pytest.raises(TimeoutError):
        connect("dead.example", 1, 0.3, private_allowed=True, resolve=lambda *_: [deaf, alive])


def test_three_addresses_are_tried_at_most(receiver: Receiver):
    with socket.create_server(("127.0.0.1", 0)) as closing:
        dead = Place(socket.AF_INET, closing.getsockname())
    alive = Place(socket.AF_INET, ("127.0.0.1", receiver.port))
    with connect("a.example", 1, 2, private_allowed=True, resolve=lambda *_: [dead, dead, alive]):
        pass
    with pytest.raises(ConnectionRefusedError):
        connect("a.example", 1, 2, private_allowed=True, resolve=lambda *_: [dead, dead, dead, alive])


def test_a_slow_resolver_is_not_waited_for():
    """The system's look-up takes no time-out; whoever asked stops listening."""
    released = threading.Event()

    def never(*_: object) -> list[Place]:
        released.wait(30)
        return []

    with pytest.raises(TimeoutError):
        connect("slow.example", 443, 0.2, private_allowed=False, resolve=never)
    released.set()


def test_an_unknown_name_is_said_as_it_is():
    def unknown(*_: object) -> list[Place]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(socket.gaierror):
        connect("no.example", 443, 2, private_allowed=False, resolve=unknown)


def test_a_pass_posts_nothing_to_this_machine(hooks: Hooks, receiver: Receiver):
    hooks.world.settings = replace(hooks.world.settings, webhooks_private=False)
    hooks.add(receiver.url, WebhookType.SENT)
    hooks.send(1)
    assert hooks.pass_at(START).put_off == 1
    assert receiver.posts == []
    [row] = hooks.world.rows("SELECT status_code, words FROM webhook_delivery")
    assert row["status_code"] is None
    assert "XMIT_WEBHOOKS_PRIVATE=allow" in row["words"]
