"""Whether what the site stands on is there."""

from __future__ import annotations

import logging

from django.db import DatabaseError, connection

from instant_admin.client.errors import InstantError
from instant_admin.configured import instant

logger = logging.getLogger(__name__)


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
