"""Whether the process is up, and whether what it stands on is there."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from django.db import DatabaseError, connection

from credits_site.plain_text import Application, Receive, Send, say
from credits_site.stopping import is_stopping
from instant_admin.client.errors import InstantError
from instant_admin.configured import instant

logger = logging.getLogger(__name__)

ANSWER_KEPT_S: Final = 5.0
HEALTHZ: Final = "/healthz"


class Probes:
    """An ASGI application in front of `application`: answers before anything looks at host and scheme, which are not
    the public ones, and while every thread is busy.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer a probe, or pass the request on."""
        if scope["path"] not in PROBES:
            await self._application(scope, receive, send)
        elif scope["method"] not in ("GET", "HEAD"):
            await say(send, HTTPStatus.METHOD_NOT_ALLOWED, "", {"Allow": "GET, HEAD"})
        elif failing := await PROBES[scope["path"]]():
            said = f"not ready: {', '.join(failing)}"
            await say(send, HTTPStatus.SERVICE_UNAVAILABLE, said, {"Retry-After": "5"})
        else:
            await say(send, HTTPStatus.OK, "ok", {})


async def healthz() -> list[str]:
    """The process is up and answers."""
    return []


async def readyz() -> list[str]:
    """What the site stands on and is not there, or was not a few seconds ago; or that this process stops."""
    if is_stopping():
        return ["stopping"]
    return await asyncio.to_thread(_readiness().failing)


PROBES: Final[Mapping[str, Callable[[], Awaitable[list[str]]]]] = {HEALTHZ: healthz, "/readyz": readyz}


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
    finally:
        connection.close()  # no request ends here, which would
    try:
        # Not Instant's own health page: this also proves that the app id and the token are good.
        instant().query({"$users": {"$": {"limit": 1, "fields": ["id"]}}})
    except InstantError as exc:
        logger.error("Not ready: %s", exc)
        failed.append("instant")
    return failed
