"""Where an outgoing webhook may connect to: the public internet, judged by the very address connected to.

A name is resolved once, every address that it has is judged, and one of those is connected to: an answer that
changes between the look and the connection (DNS rebinding) changes nothing.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from xmit_pipeline.model.errors import XmitError

_TRANSLATED = IPv6Network("64:ff9b::/96")
"""NAT64: the last four bytes are the IPv4 address that it leads to."""


class AddressRefused(XmitError):
    """The host is, or resolves to, an address that is not on the public internet."""


def is_public(text: str) -> bool:
    """Whether an address, and every IPv4 address that it wraps, is on the public internet."""
    address = ip_address(text)
    return all(_public(one) for one in (address, *_wrapped(address)))


def connect(host: str, port: int, seconds: float, *, private_allowed: bool) -> socket.socket:
    """A connection to the first address of a host that answers; OSError where none does, AddressRefused as named."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    refused = [place[0] for *_, place in found if not private_allowed and not is_public(str(place[0]))]
    if refused:
        raise AddressRefused(
            f"{host} leads to {refused[0]}, which is not on the public internet. Where that is meant, set "
            "XMIT_WEBHOOKS_PRIVATE=allow."
        )
    fault: OSError | None = None
    for family, kind, protocol, _, place in found:
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(seconds)
        try:
            connection.connect(place)
        except OSError as error:
            connection.close()
            fault = error
        else:
            return connection
    raise fault or OSError(f"{host} has no address")


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
