"""From where staff may come."""

from __future__ import annotations

from django.conf import settings

from credits_site.addresses import is_in, networks_in


def may_come_from(address: str) -> bool:
    """Whether the staff's pages are there for this address. Where networks are set, no address is no staff's."""
    networks = networks_in(settings.STAFF_NETWORKS)
    return not networks or is_in(address, networks)
