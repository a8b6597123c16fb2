"""A database that lets nobody in, and never says so."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db.utils import ConnectionHandler, OperationalError

from instant_admin.client.breaker import FAILURES_LIMIT

# The least that libpq takes.
PATIENCE_S = 2


@pytest.mark.slow
@pytest.mark.django_db
def test_it_is_spared() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        databases = ConnectionHandler(
            {
                "default": {
                    "ENGINE": "credits_site.postgresql",
                    "NAME": "site",
                    "HOST": "127.0.0.1",
                    "PORT": silent.getsockname()[1],
                    "OPTIONS": {"connect_timeout": PATIENCE_S},
                }
            }
        )

        def error_of_connecting() -> str:
            with pytest.raises(OperationalError) as caught:
                databases["default"].ensure_connection()
            return str(caught.value)

        with ThreadPoolExecutor(FAILURES_LIMIT) as threads:
            waited = [threads.submit(error_of_connecting) for _ in range(FAILURES_LIMIT)]
        assert all("timeout" in future.result() for future in waited)
        assert "asked only now and then" in error_of_connecting()
