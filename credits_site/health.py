"""Whether the process is up, and whether what it stands on is there."""

from __future__ import annotations

import logging
from http import HTTPStatus

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from instant_admin.client.errors import InstantError
from instant_admin.configured import instant

logger = logging.getLogger(__name__)


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is up and answers."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """What the site stands on is there too; 503 names what is not."""
    failing = unready()
    if failing:
        return HttpResponse(
            f"not ready: {', '.join(failing)}",
            content_type="text/plain",
            status=HTTPStatus.SERVICE_UNAVAILABLE,
            headers={"Retry-After": "5"},
        )
    return HttpResponse("ok", content_type="text/plain")


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
