"""The browser that asks: its name for people, and whether an email has signed in with it before."""

from __future__ import annotations

import re
import secrets
from typing import Any, Final

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from credits_site.addresses import address_of

_SALT: Final = "accounts.browsers"
_AGE_S: Final = 60 * 60 * 24 * 365
# Emails that one browser is known for, newest first.
_MOST: Final = 5

# The first that fits is it: each claims to be those after it, too.
_PROGRAMS: Final = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS: Final = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS": "Mac",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def place_of(request: HttpRequest) -> str:
    """Where a request comes from, by names that are the same in every language: `Firefox, Linux, 192.0.2.7`."""
    agent = request.headers.get("User-Agent", "")
    program = _first(_PROGRAMS, agent) or re.split(r"[/ ]", agent)[0][:40]
    system = _first(_SYSTEMS, agent)
    return ", ".join(filter(None, [program, system, address_of(request)]))


def known_as(request: HttpRequest, email: str) -> str | None:
    """The id of a browser that `email` has signed in with before; None of any other."""
    known = _known(request)
    return known["id"] if known is not None and _mark(email) in known["emails"] else None


def know(request: HttpRequest, response: HttpResponse, email: str) -> None:
    """Have the browser remember that `email` has signed in with it. Others who use it cannot read which."""
    known = _known(request) or {"id": secrets.token_hex(10), "emails": []}
    marks = list(dict.fromkeys([_mark(email), *known["emails"]]))[:_MOST]
    response.set_cookie(
        _cookie_name(),
        signing.dumps(known | {"emails": marks}, salt=_SALT),
        max_age=_AGE_S,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _cookie_name() -> str:
    return f"{settings.COOKIE_PREFIX}known"


def _known(request: HttpRequest) -> dict[str, Any] | None:
    try:
        known: dict[str, Any] = signing.loads(
            request.COOKIES.get(_cookie_name(), ""), salt=_SALT, max_age=_AGE_S
        )
    except signing.BadSignature:
        return None
    return known


def _mark(email: str) -> str:
    return salted_hmac(_SALT, email, algorithm="sha256").hexdigest()[:20]


def _first(names: dict[str, str], agent: str) -> str | None:
    return next((name for sign, name in names.items() if sign in agent), None)
