"""`manage.py doctor`: what it finds on this side, and how it says it."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.core.checks import CheckMessage, Info, run_checks
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import override_settings

from accounts.models import Session
from credits_site.live_checks import check_cache, check_database, check_mail
from instant_admin.live_checks import LIVE
from tests.drivers.site import TEN, LoopbackSite, opened

pytestmark = pytest.mark.django_db
MAIL = "django.core.mail.backends.{}.EmailBackend"


@pytest.fixture
def site() -> Iterator[LoopbackSite]:
    """Instant and Stripe, both in order."""
    with opened() as site, override_settings(STRIPE_PRICE_ID=TEN.price_id, CREDIT_PACKS=[]):
        yield site


def doctor(*arguments: str) -> tuple[int, str]:
    """The exit code, and what was printed."""
    output = io.StringIO()
    try:
        call_command("doctor", *arguments, stdout=output)
    except CommandError as exc:
        return exc.returncode, output.getvalue()
    return 0, output.getvalue()


def messages() -> tuple[int, list[dict[str, str]]]:
    """The exit code, and what `--json` lists."""
    code, output = doctor("--json")
    return code, json.loads(output)["messages"]


def test_with_nothing_wrong_it_exits_with_0_and_warnings_have_a_hint_and_an_id(site: LoopbackSite) -> None:
    code, found = messages()
    assert code == 0
    assert {(each["level"], bool(each["hint"]), bool(each["id"])) for each in found} == {
        ("ok", False, False),
        ("warning", True, True),
    }


def test_what_is_silenced_in_the_settings_is_not_said(site: LoopbackSite) -> None:
    warned = [each["id"] for each in messages()[1] if each["level"] == "warning"]
    with override_settings(SILENCED_SYSTEM_CHECKS=warned):
        assert {each["level"] for each in messages()[1]} == {"ok"}


def test_stripe_away_and_open_rules_are_both_named_and_it_exits_with_1(site: LoopbackSite) -> None:
    site.admin.push_perms({"$users": {"allow": {"view": "true"}}})
    site.stripe_is_away = True
    code, found = messages()
    assert code == 1
    assert {each["name"] for each in found if each["level"] == "error"} == {"Instant rules", "Stripe key"}


def test_no_other_command_asks_a_service(site: LoopbackSite) -> None:
    site.stripe_is_away = True
    run_checks(include_deployment_checks=True, databases=["default"])
    assert site.asked_stripe == 0


def test_a_check_that_crashes_is_an_error_of_its_own_and_stops_no_other(site: LoopbackSite) -> None:
    def check_badly(**kwargs: Any) -> Iterator[CheckMessage]:
        yield Info("as far as it got", obj="Bad")
        raise LookupError("with a secret in it")

    well = {each["name"] for each in messages()[1]}
    registered = set(LIVE.registered_checks)
    LIVE.register(check_badly)
    try:
        # An address of this sort is more than our own check of the settings can read.
        with override_settings(INSTANT_API_URI="http://["):
            _, found = messages()
    finally:
        LIVE.registered_checks = registered
    crashed = {each["name"]: each for each in found if each["level"] == "error"}
    assert {name: each["text"] for name, each in crashed.items()} == {
        "check_badly": "the check itself failed (LookupError)",
        "check_instant_address": "the check itself failed (ValueError)",
    }
    assert all(each["hint"] for each in crashed.values())
    assert {each["name"] for each in found} == well | {"Bad", *crashed}


def test_the_table_is_aligned_has_no_colour_in_a_file_and_ends_with_the_worst_and_a_sum(
    site: LoopbackSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    code, output = doctor()
    lines = output.splitlines()
    assert code == 0
    assert "\x1b" not in output
    levels = [line.split()[0] for line in lines[:-1] if line[0] != " "]
    oks = levels.count("ok")
    assert levels == ["ok"] * oks + ["warning"] * (len(levels) - oks)
    assert lines[-1] == f"{oks} ok, {len(levels) - oks} warnings, 0 errors."
    column = next(line for line in lines if "Settings" in line).index("Settings")
    findings_begin = next(line for line in lines if "Database writes" in line).index("taken")
    for line in lines[:-1]:
        assert len(line) <= 118
        assert line[findings_begin - 1] == " "
        assert line[findings_begin] != " "
        assert line[column] != " " or not line[:findings_begin].strip()


def test_it_runs_though_the_system_checks_fail_and_names_what_they_say(site: LoopbackSite) -> None:
    with override_settings(INSTANT_APP_ID="", STRIPE_WEBHOOK_SECRETS=[], SECURE_SSL_REDIRECT=False):
        found = {each["id"]: each for each in messages()[1]}
    assert found["instant_admin.E001"]["level"] == "error"
    assert found["billing.E002"]["level"] == "error"
    assert "whsec_" in found["billing.E002"]["hint"]
    assert found["security.W008"]["level"] == "warning"
    assert "HTTPS_ONLY" in found["security.W008"]["hint"]


@pytest.mark.slow
def test_migrations_that_wait_are_counted_and_no_row_is_tried() -> None:
    MigrationRecorder(connection).record_unapplied("sessions", "0001_initial")
    found = list(check_database(None))[-1]
    assert (found.obj, found.level, found.msg) == ("Migrations", checks.ERROR, "1 have not been applied")
    assert "migrate" in (found.hint or "")


def test_a_database_that_takes_no_rows_is_wrong_and_one_that_does_keeps_none() -> None:
    with override_settings(DEBUG=True):
        assert {found.level for found in check_database(None)} == {checks.INFO}
    assert Session.objects.count() == 0
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
    try:
        found = list(check_database(None))[-1]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA query_only = OFF")
    assert (found.obj, found.level) == ("Database writes", checks.ERROR)
    assert "right to write" in (found.hint or "")


def test_several_processes_on_sqlite_are_warned_of_where_strangers_are() -> None:
    (found,) = (each for each in check_database(None) if each.level == checks.WARNING)
    assert "one process at a time" in found.msg
    assert "PostgreSQL" in (found.hint or "")


@pytest.mark.parametrize(
    ("backend", "debug", "level"),
    [
        ("locmem.LocMemCache", True, checks.INFO),
        ("locmem.LocMemCache", False, checks.WARNING),
        ("filebased.FileBasedCache", False, checks.INFO),
        ("dummy.DummyCache", True, checks.ERROR),
    ],
)
def test_a_cache_must_remember_and_should_be_shared(
    tmp_path: Path, backend: str, debug: bool, level: int
) -> None:
    settings = {"default": {"BACKEND": f"django.core.cache.backends.{backend}", "LOCATION": str(tmp_path)}}
    with override_settings(CACHES=settings, DEBUG=debug):
        (found,) = check_cache(None)
    assert list(tmp_path.glob("*.djcache")) == []
    assert (found.level, bool(found.hint)) == (level, level != checks.INFO)


@pytest.mark.parametrize("backend", ["console", "filebased"])
def test_mail_that_nobody_gets_is_told(tmp_path: Path, backend: str) -> None:
    with override_settings(EMAIL_BACKEND=MAIL.format(backend), EMAIL_FILE_PATH=str(tmp_path)):
        (found,) = check_mail(None)
    assert (found.level, "stays on this machine" in found.msg) == (checks.INFO, True)
    assert list(tmp_path.iterdir()) == []


def test_a_mail_server_that_is_not_there_is_wrong() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with override_settings(EMAIL_BACKEND=MAIL.format("smtp"), EMAIL_HOST="127.0.0.1", EMAIL_PORT=port):
            (found,) = check_mail(None)
    assert found.level == checks.ERROR
    assert "EMAIL_URL" in (found.hint or "")
