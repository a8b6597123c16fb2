"""What proxies say of a request: whose it is, and whether it came by HTTPS. Those of the settings are believed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings

from credits_site.addresses import is_in, networks_in, parsed

WHOEVER_CONNECTS: Final = "*"
_WITH_PORT: Final = re.compile(r"^\[(.+)\](?::\d+)?$|^([^:]+):\d+$")


def as_sent(scope: Any) -> Any:
    """The ASGI scope as it was before the proxies: with the visitor's address and scheme."""
    peer = scope["client"][0] if scope["client"] else ""
    is_proxy = _is_proxy(peer)
    if not is_proxy(peer):
        return scope
    visitor = visitor_behind(peer, _values(scope, b"x-forwarded-for"), is_proxy=is_proxy)
    scheme = scheme_of(_values(scope, b"x-forwarded-proto"))
    return scope | {"client": (visitor, 0), "scheme": scheme or scope["scheme"]}


def visitor_behind(peer: str, forwarded_for: list[str], *, is_proxy: Callable[[str], bool]) -> str:
    """The address that the outermost proxy of ours saw, who are asked one after another from the nearest on."""
    known = peer
    for value in reversed(forwarded_for):
        address = parsed(_WITH_PORT.sub(r"\1\2", value)) if is_proxy(known) else None
        if address is None:
            break
        known = str(address)
    return known


def scheme_of(forwarded_proto: list[str]) -> str | None:
    """How the visitor came, which is the first value of several: the others are about the way between proxies.

    Nobody gains by a wrong one. It decides about redirects and links, not about who may do what.
    """
    return next((value.lower() for value in forwarded_proto if value.lower() in ("http", "https")), None)


def _is_proxy(peer: str) -> Callable[[str], bool]:
    names = settings.FORWARDED_ALLOW_IPS
    networks = networks_in(name for name in names if name != WHOEVER_CONNECTS)
    return lambda address: is_in(address, networks) or (address == peer and WHOEVER_CONNECTS in names)


def _values(scope: Any, header: bytes) -> list[str]:
    """What stands between the commas of all headers of that name."""
    text = b",".join(value for name, value in scope["headers"] if name == header).decode("latin-1")
    return [value for part in text.split(",") if (value := part.strip())]
