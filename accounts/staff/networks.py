"""From where staff may come."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings


def staff_networks() -> list[IPv4Network | IPv6Network]:
    """The networks of the settings; none means everywhere. Raises `ValueError` for what is no network."""
    return [ip_network(text.strip()) for text in settings.STAFF_NETWORKS]


def may_come_from(address: str) -> bool:
    """Whether the staff's pages are there for this address. Where networks are set, no address is no staff's."""
    networks = staff_networks()
    if not networks:
        return True
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found in network for network in networks)
