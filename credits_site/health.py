"""Whether the process is up, and whether what it stands on is there."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Final

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from credits_site.security import OF_PLAIN_TEXT
from instant_admin.client.errors import InstantError
from instant_admin.configured import instant

logger = logging.getLogger(__name__)

ANSWER_KEPT_S: Final = 5.0
HEALTHZ: Final = "/healthz"


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is up and answers."""
    return _said("ok")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """What the site stands on is there too, or was a few seconds ago; 503 names what is not."""
    failing = _readiness().failing()
    if failing:
        response = _said(f"not ready: {', '.join(failing)}", status=HTTPStatus.SERVICE_UNAVAILABLE)
        response["Retry-After"] = "5"
        return response
    return _said("ok")


def _said(text: str, *, status: int = HTTPStatus.OK) -> HttpResponse:
    return HttpResponse(
        text, content_type="text/plain; charset=utf-8", status=status, headers=dict(OF_PLAIN_TEXT)
    )


PROBES: Final[Mapping[str, Callable[[HttpRequest], HttpResponse]]] = {HEALTHZ: healthz, "/readyz": readyz}


class ProbeMiddleware:
    """Answers probes before anything looks at the host or the scheme, which are not the public ones."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return PROBES.get(request.path_info, self.get_response)(request)


class Readiness:
    """What `ask` says, asked once at a time and every few seconds: strangers may look as often as they like.

    Whoever looks while it is being asked is told what was known before.
    """

    def __init__(self, ask: Callable[[], list[str]], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._asking = threading.Lock()
        self._known: list[str] | None = None
        self._asked_s = 0.0

    def failing(self) -> list[str]:
        """The names of what does not answer."""
        known = self._known
        if not self._asking.acquire(blocking=known is None):
            return known or []
        try:
            if self._known is None or self._clock() - self._asked_s >= ANSWER_KEPT_S:
                self._known = self._ask()
                self._asked_s = self._clock()
            return self._known
        finally:
            self._asking.release()


@cache
def _readiness() -> Readiness:
    return Readiness(unready)


def unready() -> list[str]:
    """The names of what does not answer, of `database` and `instant`; empty when all is well."""
    failed = []
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as exc:
        logger.error("Not ready: the database fails (%s)", type(exc).__name__)
        failed.append("database")
    try:
        # Not Instant's own health page: this also proves that the app id and the token are good.
        instant().query({"$users": {"$": {"limit": 1, "fields": ["id"]}}})
    except InstantError as exc:
        logger.error("Not ready: %s", exc)
        failed.append("instant")
    return failed
