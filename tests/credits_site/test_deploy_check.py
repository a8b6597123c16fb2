"""`manage.py deploy_check`: nothing that is wrong goes live, and each fault is named with the others."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import override_settings

from tests.credits_site.test_checks import GOOD
from tests.drivers.instant import DOCUMENTS
from tests.drivers.site import TEN, LoopbackSite, opened
from tests.drivers.smtp import mail_server

pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> Iterator[LoopbackSite]:
    """A site that is ready to go live, with a mail server that lets it in."""
    with (
        opened() as site,
        mail_server() as server,
        override_settings(**GOOD | server.settings, STRIPE_PRICE_ID=TEN.price_id, CREDIT_PACKS=[]),
    ):
        yield site


def errors() -> tuple[int, dict[str, str]]:
    """The exit code, and the hint of each error by its id."""
    output, code = io.StringIO(), 0
    try:
        call_command("deploy_check", "--json", stdout=output)
    except CommandError as exc:
        code = exc.returncode
    found = json.loads(output.getvalue())["messages"]
    return code, {each["id"]: each["hint"] for each in found if each["level"] == "error"}


def test_a_site_that_is_ready_may_go_live(site: LoopbackSite) -> None:
    assert errors() == (0, {})


def test_settings_migrations_schema_and_keys_are_named_at_once_each_with_its_remedy(
    site: LoopbackSite, settings: Any
) -> None:
    settings.SITE_URL = ""
    MigrationRecorder(connection).record_unapplied("sessions", "0001_initial")
    site.admin.push_perms(dict(DOCUMENTS.perms) | {"haikus": {"allow": {"$default": "false"}}})
    site.stripe_is_away = True
    code, found = errors()
    assert code == 1
    assert found.keys() == {"credits_site.E005", "credits_site.E102", "instant_admin.E104", "billing.E111"}
    assert all(found.values())
