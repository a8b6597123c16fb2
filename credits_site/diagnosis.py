"""What `manage.py doctor` looks at on this side: settings, database, cache, mail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core import checks as system_checks
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import get_connection
from django.core.mail.backends import console, dummy, locmem
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from instant_admin.findings import Check, Finding, Now, ok, warning, wrong
from instant_admin.rules_probe import NewId

SETTINGS: Final = "Settings"
DATABASE: Final = "Database"
MIGRATIONS: Final = "Migrations"
DATABASE_WRITES: Final = "Database writes"
CACHE: Final = "Cache"
MAIL: Final = "Mail"

# Mail that nobody gets. The file backend is a kind of the console's.
_MAIL_THAT_STAYS: Final = (console.EmailBackend, dummy.EmailBackend, locmem.EmailBackend)
_CACHE_CHECK_S: Final = 10
_HTTPS: Final = "Set HTTPS_ONLY=true once the site is reached by https alone."
# Django's deployment checks name its settings and know no remedy; these are our variables.
_REMEDIES: Final = {
    "security.W004": "Set HTTPS_ONLY=true, and HSTS_SECONDS to more than 0.",
    "security.W005": "Set HSTS_SUBDOMAINS_AND_PRELOAD=true if all subdomains speak https too.",
    "security.W008": _HTTPS,
    "security.W009": "Set SECRET_KEY to a long random text; `.env.example` shows how to make one.",
    "security.W012": _HTTPS,
    "security.W016": _HTTPS,
    "security.W018": "Set DEBUG=false where strangers come.",
    "security.W020": "Set ALLOWED_HOSTS to the site's host names.",
    "security.W021": "Set HSTS_SUBDOMAINS_AND_PRELOAD=true if all subdomains speak https too.",
}


def checks(*, now: Now, new_id: NewId) -> tuple[Check, ...]:
    """The rows about this side. What is written is rolled back or deleted at once."""
    return (
        Check(SETTINGS, look_at_settings),
        Check(DATABASE, look_at_database),
        Check(MIGRATIONS, look_at_migrations, needs=(DATABASE,)),
        Check(DATABASE_WRITES, lambda: look_at_writes(now(), new_id().hex), needs=(DATABASE, MIGRATIONS)),
        Check(CACHE, lambda: look_at_cache(new_id().hex)),
        Check(MAIL, look_at_mail),
    )


def look_at_settings() -> Iterator[Finding]:
    """What Django's system checks say, the ones for a deployment too, and those of our apps."""
    found = [
        message
        for message in system_checks.run_checks(include_deployment_checks=True)
        if message.level >= system_checks.WARNING and not message.is_silenced()
    ]
    for message in found:
        verdict = wrong if message.level >= system_checks.ERROR else warning
        # Django explains itself at length; the first sentence has the fact.
        fact = re.split(r"(?<=\.)\s", str(message.msg), maxsplit=1)[0]
        remedy = (
            message.hint or _REMEDIES.get(message.id or "") or f"Look up {message.id} in Django's manual."
        )
        yield verdict(SETTINGS, f"{_line(fact)} ({message.id})", _line(str(remedy)))
    if not found:
        yield ok(SETTINGS, "no complaints")


def look_at_database() -> Iterator[Finding]:
    """It answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        yield ok(DATABASE, f"{connection.display_name} answers")
    except (DatabaseError, ImproperlyConfigured) as exc:
        yield wrong(DATABASE, _said(exc), "Correct DATABASE_URL, or start the database.")


def look_at_migrations() -> Iterator[Finding]:
    """Its tables are those of this version."""
    executor = MigrationExecutor(connection)
    waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if waiting:
        yield wrong(MIGRATIONS, f"{waiting} have not been applied", "Run `manage.py migrate`.")
    else:
        yield ok(MIGRATIONS, "all applied")


def look_at_writes(now: datetime, key: str) -> Iterator[Finding]:
    """It takes a row. The row is never committed."""
    try:
        with transaction.atomic():
            Session.objects.create(session_key=key, session_data="", expire_date=now)
            transaction.set_rollback(True)
        yield ok(DATABASE_WRITES, "taken")
    except DatabaseError as exc:
        remedy = "Give the site's user the right to write to the database and, with SQLite, to its folder."
        yield wrong(DATABASE_WRITES, _said(exc), remedy)


def look_at_cache(key: str) -> Iterator[Finding]:
    """It remembers, and what one process tells it every other hears."""
    cache = caches["default"]
    name = f"doctor:{key}"
    cache.set(name, key, timeout=_CACHE_CHECK_S)
    remembers = cache.get(name) == key
    cache.delete(name)
    if not remembers:
        remedy = "Correct CACHE_URL; without a cache the limits on sign-in codes do not hold."
        yield wrong(CACHE, "forgets what it is told", remedy)
    elif isinstance(cache, LocMemCache) and not settings.DEBUG:
        remedy = "With more than one server process, set CACHE_URL to a shared one, such as redis://…"
        yield warning(CACHE, "each process has its own, so sign-in limits count for each by itself", remedy)
    else:
        yield ok(CACHE, "remembers")


def look_at_mail() -> Iterator[Finding]:
    """The sign-in codes can leave. Nothing is sent."""
    try:
        backend = get_connection()
        if isinstance(backend, _MAIL_THAT_STAYS):
            # Not opened: the file backend would make a file.
            yield _mail_stays()
            return
        backend.open()
        backend.close()
        yield ok(MAIL, "the mail server lets us in")
    # smtplib's errors are OSErrors.
    except (OSError, ImproperlyConfigured) as exc:
        yield wrong(MAIL, _said(exc), "Correct EMAIL_URL; nobody can sign in without a mailed code.")


def _mail_stays() -> Finding:
    name = settings.EMAIL_BACKEND.rpartition(".")[0]
    if settings.DEBUG:
        return ok(MAIL, f"stays on this machine ({name})")
    remedy = "Set EMAIL_URL, such as smtp+tls://user:password@smtp.example.com:587."
    return warning(MAIL, f"stays on this machine ({name}), so nobody else gets a sign-in code", remedy)


def _said(exc: Exception) -> str:
    """An error in one line. What databases and mail servers say of us holds no password."""
    return _line(f"{type(exc).__name__}: {exc}")


def _line(text: str) -> str:
    return " ".join(text.split())
