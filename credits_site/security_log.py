"""The log of what matters for security (logger `security`), and the id that ties a request's lines together."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Final
from uuid import uuid4

from django.http import HttpRequest, HttpResponse

from credits_site.logs import knowing

_META: Final = "instant_credits.request_id"
_LONGEST: Final = 200
_logger: Final = logging.getLogger("security")
# What a proxy may have named the request; anything else would let a stranger write into the log.
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9-]{8,64}")


class RequestIdMiddleware:
    """Gives each request an id, or keeps the proxy's, and sends it back as `X-Request-ID`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sent = request.headers.get("X-Request-ID", "")
        request.META[_META] = sent if _REQUEST_ID.fullmatch(sent) else uuid4().hex
        with knowing(request=request.META[_META]):
            response = self.get_response(request)
        response["X-Request-ID"] = request.META[_META]
        return response


def request_id_of(request: HttpRequest) -> str:
    """The id that `RequestIdMiddleware` gave the request; empty before it did."""
    return str(request.META.get(_META, ""))


def note(request: HttpRequest | None, event: str, **about: object) -> None:
    """Log one event with whose request it was. Never a code, a token or an email in `about`."""
    _log(logging.INFO, request, event, about)


def complain(request: HttpRequest, event: str, **about: object) -> None:
    """As `note`, of what a stranger can cause without end: `logs.py` writes one kind of it once a minute."""
    _log(logging.WARNING, request, event, about)


def _log(level: int, request: HttpRequest | None, event: str, about: dict[str, object]) -> None:
    if request is not None:
        member = getattr(request, "member", None)
        user = getattr(request, "user", None)
        about |= {
            "member": about.get("member", member.id if member else None),
            "staff": user.pk if user is not None and user.is_authenticated else None,
            "address": request.META.get("REMOTE_ADDR"),
            "request": request.META.get(_META),
        }
    known = {name: str(value)[:_LONGEST] for name, value in about.items() if value not in (None, "")}
    text = " ".join(f"{name}={value}" for name, value in known.items())
    _logger.log(level, f"{event} %s", text, extra={"about": known})
