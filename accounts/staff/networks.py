"""From where staff may come."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

from django.conf import settings

from credits_site.addresses import parsed


def staff_networks() -> list[IPv4Network | IPv6Network]:
    """The networks of the settings; none means everywhere. Raises `ValueError` for what is no network."""
    return [ip_network(text.strip()) for text in settings.STAFF_NETWORKS]


def may_come_from(address: str) -> bool:
    """Whether the staff's pages are there for this address. Where networks are set, no address is no staff's."""
    networks = staff_networks()
    if not networks:
        return True
    found = parsed(address)
    return found is not None and any(found in network for network in networks)
