"""Network addresses: of whom, and whom one stands for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from django.http import HttpRequest

Network: TypeAlias = IPv4Network | IPv6Network


def address_of(request: HttpRequest) -> str:
    """The address of whoever asks, as the server in front of Django believes it to be."""
    return str(request.META.get("REMOTE_ADDR", ""))


@lru_cache(maxsize=4096)
def parsed(address: str) -> IPv4Address | IPv6Address | None:
    """The address itself, which a system may have written as IPv6; None for what is none, as over a Unix socket."""
    try:
        found = ip_address(address)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def network_of(address: str) -> str:
    """Whom to count for an address: of IPv6 the /64, since that is what one customer of a provider has."""
    found = parsed(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False))
    return address if found is None else str(found)


def networks_in(setting: Iterable[str]) -> list[Network]:
    """The networks, or single addresses, that a setting lists. Raises `ValueError` for what is none."""
    return [_network(text.strip()) for text in setting]


def is_in(address: str, networks: Iterable[Network]) -> bool:
    """Whether one of them has the address; what is no address is in none."""
    found = parsed(address)
    return found is not None and any(found in network for network in networks)


# Read at every request, and always the same.
_network = cache(ip_network)
