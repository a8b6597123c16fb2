"""What `manage.py doctor` looks at on this side: database, cache, mail. What it writes is rolled back or deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, Final
from uuid import uuid4

from django.apps import AppConfig
from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import CheckMessage, Error, Info, Warning
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import get_connection
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from credits_site.checks import MAIL_THAT_STAYS
from instant_admin.live_checks import LIVE

_CACHE_CHECK_S: Final = 10


@LIVE.register
def check_database(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """It answers, has the tables of this version, and takes a row, which is never committed."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        yield Info(f"{connection.display_name} answers", obj="Database")
        executor = MigrationExecutor(connection)
        waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except (DatabaseError, ImproperlyConfigured) as exc:
        hint = "Correct DATABASE_URL, or start the database."
        yield Error(_line(exc), hint=hint, obj="Database", id="credits_site.E101")
        return
    if waiting:
        text, hint = f"{waiting} have not been applied", "Run `manage.py migrate`."
        yield Error(text, hint=hint, obj="Migrations", id="credits_site.E102")
        return
    yield Info("all applied", obj="Migrations")
    try:
        with transaction.atomic():
            session = import_module(settings.SESSION_ENGINE).SessionStore()
            session.create()
            transaction.set_rollback(True)
        yield Info("taken", obj="Database writes")
        if connection.vendor == "sqlite" and not settings.DEBUG:
            text = "SQLite takes rows from one process at a time, and of this machine alone"
            hint = "With more than one busy process, or machine, set DATABASE_URL to a PostgreSQL."
            yield Warning(text, hint=hint, obj="Database", id="credits_site.W107")
    except DatabaseError as exc:
        hint = "Give the site's user the right to write to the database and, with SQLite, to its folder."
        yield Error(_line(exc), hint=hint, obj="Database writes", id="credits_site.E103")


@LIVE.register
def check_cache(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """It remembers, and what one process tells it every other hears."""
    cache, key = caches["default"], f"doctor:{uuid4().hex}"
    cache.set(key, key, timeout=_CACHE_CHECK_S)
    remembers = cache.get(key) == key
    cache.delete(key)
    if not remembers:
        hint = "Correct CACHE_URL; without a cache every page asks Stripe for its prices."
        yield Error("forgets what it is told", hint=hint, obj="Cache", id="credits_site.E104")
    elif isinstance(cache, LocMemCache) and not settings.DEBUG:
        text = "each process has its own, so each reads the prices for itself"
        hint = "With more than one server process, set CACHE_URL to a shared one, such as redis://…"
        yield Warning(text, hint=hint, obj="Cache", id="credits_site.W105")
    else:
        yield Info("remembers", obj="Cache")


@LIVE.register
def check_mail(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """The sign-in codes can leave. Nothing is sent."""
    try:
        backend = get_connection()
        if not isinstance(backend, MAIL_THAT_STAYS):
            backend.open()
            backend.close()
            yield Info("the mail server lets us in", obj="Mail")
            return
    # smtplib's errors are OSErrors.
    except (OSError, ImproperlyConfigured) as exc:
        hint = "Correct EMAIL_URL; nobody can sign in without a mailed code."
        yield Error(_line(exc), hint=hint, obj="Mail", id="credits_site.E106")
        return
    yield Info(f"stays on this machine ({settings.EMAIL_BACKEND.rpartition('.')[0]})", obj="Mail")


def _line(exc: Exception) -> str:
    """An error in one line. What databases and mail servers say of us holds no password."""
    return " ".join(f"{type(exc).__name__}: {exc}".split())
