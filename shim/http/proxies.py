"""Proxies: whose word is taken for where a request came from, and whether over TLS.

A client can send any `X-Forwarded-*` itself.  They count only on a connection from an address that the operator named,
and of a list only the part that named proxies have written: its right end.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

Network = IPv4Network | IPv6Network

_FORWARDED = (b"x-forwarded-proto", b"x-forwarded-for")

# Hops that are looked at; a longer list has not been written by proxies.
_HOPS = 20


class Proxies:
    """The proxies that are believed."""

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(networks)

    def trusted(self, address: str) -> bool:
        """Return whether an address is a proxy's."""
        found = plain(address) if self._networks else None
        return found is not None and self._known(found)

    def client(self, peer: str, forwarded: str) -> str:
        """Return whose request a trusted peer passes on: the right-most address of the list that is no proxy's.

        What is no address ends the search: nobody knows what stands before it.
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
        """Take a trusted peer's word, in a request's scope, for whose request it is and how it was asked."""
        told = [b",".join(value for name, value in scope["headers"] if name == wanted) for wanted in _FORWARDED]
        scheme, client = (text.decode("latin-1") for text in told)
        scope["scheme"] = scheme_of(scheme) or scope["scheme"]
        if client and scope["client"]:
            scope["client"] = (self.client(scope["client"][0], client), 0)

    def _known(self, address: str) -> bool:
        parsed = ip_address(address)
        return any(parsed in network for network in self._networks)


def plain(text: str) -> str | None:
    """Return an IP address in its one form, or None; a port behind it, and an IPv6 address's brackets, are left out."""
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
