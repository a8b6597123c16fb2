"""`manage.py doctor`: what it finds on this side, and how it says it."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import override_settings

from credits_site import diagnosis
from instant_admin.findings import Finding, diagnose
from tests.billing.shop import TEN, Shop, opened

CONSOLE = "django.core.mail.backends.console.EmailBackend"
FILES = "django.core.mail.backends.filebased.EmailBackend"
SMTP = "django.core.mail.backends.smtp.EmailBackend"


@pytest.fixture
def shop() -> Iterator[Shop]:
    """Instant and Stripe, both in order."""
    with opened() as shop, override_settings(STRIPE_PRICE_ID=TEN.price_id, CREDIT_PACKS=[]):
        yield shop


def findings(row: str) -> list[Finding]:
    checks = diagnosis.checks(now=lambda: datetime.now(UTC), new_id=uuid4)
    return [finding for finding in diagnose(checks) if finding.row == row]


def doctor(*arguments: str) -> tuple[int, str]:
    """The exit code, and what was printed."""
    output = io.StringIO()
    try:
        call_command("doctor", *arguments, stdout=output)
    except CommandError as exc:
        return exc.returncode, output.getvalue()
    return 0, output.getvalue()


def by_row(*arguments: str) -> dict[str, dict[str, str]]:
    return {each["row"]: each for each in json.loads(doctor("--json", *arguments)[1])["findings"]}


@pytest.mark.django_db
def test_with_nothing_wrong_it_exits_with_0_and_each_row_that_is_not_ok_has_a_remedy(shop: Shop) -> None:
    code, output = doctor("--json")
    answer: dict[str, Any] = json.loads(output)
    assert (code, answer["verdict"]) == (0, "warning")
    assert {frozenset(each) for each in answer["findings"]} == {
        frozenset({"row", "verdict", "finding", "remedy"})
    }
    assert all(bool(each["remedy"]) == (each["verdict"] != "ok") for each in answer["findings"])
    assert {each["verdict"] for each in answer["findings"]} == {"ok", "warning"}


@pytest.mark.django_db
def test_a_wrong_stripe_key_and_open_rules_are_both_named_and_it_exits_with_1(shop: Shop) -> None:
    shop.admin.push_perms({"$users": {"allow": {"view": "true"}}})
    shop.stripe_is_away = True
    code, output = doctor("--json")
    answer = json.loads(output)
    assert (code, answer["verdict"]) == (1, "wrong")
    wrong = {each["row"] for each in answer["findings"] if each["verdict"] == "wrong"}
    assert wrong == {"Instant rules", "Stripe key"}


@pytest.mark.django_db
def test_the_table_is_aligned_has_no_colour_in_a_file_and_ends_with_a_sum(shop: Shop) -> None:
    code, output = doctor()
    lines = output.splitlines()
    assert code == 0
    assert "\x1b" not in output
    assert lines[-1].endswith(" 0 wrong.")
    column = lines[0].index("Settings")
    findings_begin = next(line for line in lines if "Database writes" in line).index("taken")
    for line in lines[:-1]:
        assert len(line) <= 118
        assert line[findings_begin - 1] == " "
        assert line[findings_begin] != " "
        assert line[column] != " " or not line[:findings_begin].strip()


def test_it_runs_though_the_system_checks_fail_and_names_what_they_say(db: None) -> None:
    with override_settings(INSTANT_APP_ID="", STRIPE_WEBHOOK_SECRETS=[], SECURE_SSL_REDIRECT=False):
        found = {finding.finding.rpartition("(")[2]: finding for finding in findings(diagnosis.SETTINGS)}
    assert found["instant_admin.E001)"].verdict == "wrong"
    assert found["billing.E002)"].verdict == "wrong"
    assert "whsec_" in found["billing.E002)"].remedy
    assert found["security.W008)"].verdict == "warning"
    assert "HTTPS_ONLY" in found["security.W008)"].remedy


def test_migrations_that_wait_are_counted(db: None) -> None:
    MigrationRecorder(connection).record_unapplied("sessions", "0001_initial")
    (found,) = findings(diagnosis.MIGRATIONS)
    assert (found.verdict, found.finding) == ("wrong", "1 have not been applied")
    assert "migrate" in found.remedy
    (waits,) = findings(diagnosis.DATABASE_WRITES)
    assert waits.verdict == "warning"


def test_a_database_that_takes_no_rows_is_wrong_and_one_that_does_keeps_none(db: None) -> None:
    (good,) = findings(diagnosis.DATABASE_WRITES)
    assert good.verdict == "ok"
    assert Session.objects.count() == 0
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
    try:
        (found,) = findings(diagnosis.DATABASE_WRITES)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA query_only = OFF")
    assert found.verdict == "wrong"
    assert "right to write" in found.remedy


@pytest.mark.parametrize(
    ("backend", "debug", "verdict"),
    [
        ("locmem.LocMemCache", True, "ok"),
        ("locmem.LocMemCache", False, "warning"),
        ("filebased.FileBasedCache", False, "ok"),
        ("dummy.DummyCache", True, "wrong"),
    ],
)
def test_a_cache_must_remember_and_should_be_shared(
    tmp_path: Path, backend: str, debug: bool, verdict: str
) -> None:
    settings = {"default": {"BACKEND": f"django.core.cache.backends.{backend}", "LOCATION": str(tmp_path)}}
    with override_settings(CACHES=settings, DEBUG=debug):
        (found,) = diagnosis.look_at_cache("key")
        assert cache.get("doctor:key") is None
    assert found.verdict == verdict
    assert bool(found.remedy) == (verdict != "ok")


@pytest.mark.parametrize("backend", [CONSOLE, FILES])
@pytest.mark.parametrize("debug", [True, False])
def test_mail_that_nobody_gets_is_for_development(tmp_path: Path, backend: str, debug: bool) -> None:
    with override_settings(EMAIL_BACKEND=backend, EMAIL_FILE_PATH=str(tmp_path), DEBUG=debug):
        (found,) = diagnosis.look_at_mail()
    assert found.verdict == ("ok" if debug else "warning")
    assert list(tmp_path.iterdir()) == []


def test_a_mail_server_that_is_not_there_is_wrong() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with override_settings(EMAIL_BACKEND=SMTP, EMAIL_HOST="127.0.0.1", EMAIL_PORT=port):
            (found,) = diagnosis.look_at_mail()
    assert found.verdict == "wrong"
    assert "EMAIL_URL" in found.remedy
