"""What is in the database of the site, to look for what must not be there."""

from __future__ import annotations

from django.db import connection

from accounts.models import Session


def site_database() -> str:
    """Every value of every row, and what the sessions hold."""
    rows: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            rows.extend(map(repr, cursor.fetchall()))
    return "\n".join(rows) + str([row.get_decoded() for row in Session.objects.all()])
