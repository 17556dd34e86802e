"""Trusted proxies: their headers say which client sent a request, and whether over TLS.

A client can send any `X-Forwarded-*` itself.  These headers are read only on a connection from an address that the
operator named, and of the list in X-Forwarded-For only the right end, which named proxies have written.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

Network = IPv4Network | IPv6Network

_FORWARDED = (b"x-forwarded-proto", b"x-forwarded-for")

# How many entries of the list are read; a longer one was not written by proxies.
_HOPS = 20


class Proxies:
    """The proxies that the operator trusts."""

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(networks)

    def trusted(self, address: str) -> bool:
        """Return whether an address is a proxy's."""
        found = plain(address) if self._networks else None
        return found is not None and self._known(found)

    def client(self, peer: str, forwarded: str) -> str:
        """Return the client of a forwarded request: the right-most address that is not a trusted proxy's.

        An entry that is not an address ends the search, as entries before it cannot be trusted.
        """
        client = peer
        for hop in reversed(forwarded.rsplit(",", _HOPS)[-_HOPS:]):
            found = plain(hop.strip())
            if found is None:
                break
            client = found
            if not self._known(found):
                break
        return client

    def correct(self, scope: dict[str, Any]) -> None:
        """Set the client and the scheme in a request's ASGI scope from a trusted peer's headers."""
        told = [b",".join(value for name, value in scope["headers"] if name == wanted) for wanted in _FORWARDED]
        scheme, client = (text.decode("latin-1") for text in told)
        scope["scheme"] = scheme_of(scheme) or scope["scheme"]
        if client and scope["client"]:
            scope["client"] = (self.client(scope["client"][0], client), 0)

    def _known(self, address: str) -> bool:
        parsed = ip_address(address)
        return any(parsed in network for network in self._networks)


def plain(text: str) -> str | None:
    """Return an IP address in canonical form, without a port or brackets; None for other text."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


def scheme_of(forwarded: str) -> str | None:
    """Return the scheme that the nearest proxy says it was asked in, `http` or `https`; None where it says neither."""
    last = forwarded.rpartition(",")[2].strip().lower()
    return last if last in ("http", "https") else None
