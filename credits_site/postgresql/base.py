"""A question that PostgreSQL leaves open is one that failed: libpq waits for ever where a connection just stands.

PostgreSQL's own `statement_timeout` ends what takes long, but not what nobody works on; and poolers refuse it. After
some that were left open at the door, it is tried only now and then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.backends.postgresql import base
from psycopg import DatabaseError, OperationalError
from psycopg.errors import ConnectionTimeout

from credits_site.breakers import DATABASE


class DatabaseWrapper(base.DatabaseWrapper):
    """`answer_timeout` of its options is how many seconds each question has. 0: as long as it takes."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that raises `OperationalError` when it is no good; Django lets go of it then."""
        limit_s = float(conn_params.pop("answer_timeout", 0)) or None
        connection = self._let_in(conn_params)
        wait: Callable[..., Any] = connection.wait

        def wait_within_the_limit(*about: Any, **options: Any) -> Any:
            try:
                return wait(*about, **{"timeout": limit_s, **options})
            except DatabaseError as exc:
                # Of nonsense in place of an answer it only says that something failed.
                if connection.closed:
                    raise OperationalError(str(exc)) from exc
                raise

        connection.wait = wait_within_the_limit
        return connection

    def _let_in(self, conn_params: dict[str, Any]) -> Any:
        if not DATABASE.lets_through():
            raise OperationalError("the database does not answer, and is asked only now and then")
        try:
            connection = super().get_new_connection(conn_params)
        except ConnectionTimeout:
            DATABASE.failed()
            raise
        except OperationalError:  # which costs nobody any time
            DATABASE.answered()
            raise
        DATABASE.answered()
        return connection
