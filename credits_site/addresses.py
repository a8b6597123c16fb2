"""Whom a network address stands for."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network


def network_of(address: str) -> str:
    """Whom to count for an address: of IPv6 the /64, since that is what one customer of a provider has."""
    try:
        parsed = ip_address(address)
    except ValueError:  # no address, as over a Unix socket
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, 64), strict=False))
