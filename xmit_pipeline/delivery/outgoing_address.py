"""Where an outgoing webhook may connect to: the public internet, judged by the very address connected to.

A name is resolved once, every address that it has is judged, and one of those is connected to: an answer that
changes between the look and the connection (DNS rebinding) changes nothing.
"""

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from queue import Empty, SimpleQueue
from typing import Any

from xmit_pipeline.model.errors import XmitError

_TRANSLATED = IPv6Network("64:ff9b::/96")
"""NAT64: the last four bytes are the IPv4 address that it leads to."""


MOST_ADDRESSES = 3
"""More are not tried: whoever is down at three is down."""


class AddressRefused(XmitError):
    """The host is, or resolves to, an address that is not on the public internet."""


@dataclass(frozen=True, slots=True)
class Place:
    """One address of a host: its family, and what a socket of it connects to."""

    family: int
    target: tuple[Any, ...]

    @property
    def address(self) -> str:
        return str(self.target[0])


Resolve = Callable[[str, int], list[Place]]


def resolved(host: str, port: int) -> list[Place]:
    """Every address that the system's resolver knows, in its order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [Place(family, target) for family, *_, target in found]


def is_public(text: str) -> bool:
    """Whether an address, and every IPv4 address that it wraps, is on the public internet."""
    address = ip_address(text)
    return all(_public(one) for one in (address, *_wrapped(address)))


def connect(
    host: str, port: int, seconds: float, *, private_allowed: bool, resolve: Resolve = resolved
) -> socket.socket:
    """A connection to the first address of a host that answers, of three at most, all within so many seconds.

    OSError where none does, TimeoutError where the time is over, AddressRefused as named.
    """
    deadline = time.monotonic() + seconds
    found = _within(seconds, partial(resolve, host, port))
    refused = [place.address for place in found if not private_allowed and not is_public(place.address)]
    if refused:
        raise AddressRefused(
            f"{host} leads to {refused[0]}, which is not on the public internet. Where that is meant, set "
            "XMIT_WEBHOOKS_PRIVATE=allow."
        )
    fault = OSError(f"{host} has no address")
    for place in found[:MOST_ADDRESSES]:
        try:
            return _connected(place, deadline - time.monotonic())
        except OSError as error:
            fault = error
    raise fault


def _within(seconds: float, resolve: Callable[[], list[Place]]) -> list[Place]:
    """What a look-up finds. It takes no time-out of its own: one that is late goes on alone, and nobody hears it."""
    heard: SimpleQueue[list[Place] | Exception] = SimpleQueue()

    def look_up() -> None:
        try:
            heard.put(resolve())
        except Exception as error:
            heard.put(error)

    threading.Thread(target=look_up, name="xmit-webhook-name", daemon=True).start()
    try:
        found = heard.get(timeout=seconds)
    except Empty:
        raise TimeoutError from None
    if isinstance(found, Exception):
        raise found
    return found


def _connected(place: Place, seconds: float) -> socket.socket:
    if seconds <= 0:
        raise TimeoutError
    connection = socket.socket(place.family, socket.SOCK_STREAM)
    connection.settimeout(seconds)
    try:
        connection.connect(place.target)
    except OSError:
        connection.close()
        raise
    return connection


def _public(address: IPv4Address | IPv6Address) -> bool:
    site_local = isinstance(address, IPv6Address) and address.is_site_local
    mapped = isinstance(address, IPv6Address) and address.ipv4_mapped is not None
    translated = isinstance(address, IPv6Address) and address in _TRANSLATED
    if mapped or translated:
        return True  # what is wrapped decides
    return address.is_global and not (address.is_multicast or address.is_reserved or site_local)


def _wrapped(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    if isinstance(address, IPv4Address):
        return []
    translated = IPv4Address(address.packed[-4:]) if address in _TRANSLATED else None
    return [one for one in (address.ipv4_mapped, address.sixtofour, translated) if one is not None]
