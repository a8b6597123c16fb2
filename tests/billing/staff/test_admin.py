"""Who gets to the members' pages, and what an outage looks like there; the rest is in the journeys."""

import re

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.contrib.admin.utils import label_for_field
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.utils.translation import override

from billing.models import Attention, Member
from billing.staff.attention import AttentionAdmin
from tests.billing.staff.conftest import browser_of_staff
from tests.drivers.signed_in import ADA, browser_of
from tests.drivers.staff import staff

pytestmark = pytest.mark.django_db

SEARCH = "/admin/billing/member/"
MEMBER = f"/admin/billing/member/{ADA.id}/change/"


@pytest.mark.parametrize("path", [SEARCH, MEMBER])
def test_a_member_of_the_site_is_no_staff(path: str) -> None:
    response = browser_of(ADA).get(path)
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("path", [SEARCH, MEMBER])
def test_staff_without_permission_may_not_look(path: str) -> None:
    assert browser_of_staff().get(path).status_code == 403


def test_what_staff_may_not_do_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    browser_of_staff().get(SEARCH)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "security"][-1:]
    assert line.startswith(
        f"permission denied path={SEARCH} staff={User.objects.get().pk} address=127.0.0.1 "
    )


@pytest.mark.parametrize("path", [SEARCH, MEMBER])
def test_an_outage_is_a_message_in_the_admin(path: str) -> None:
    response = browser_of_staff("view_member").get(path)
    assert response.status_code == 503
    assert '<li class="error">' in response.content.decode()


def test_the_index_of_the_admin_leads_to_the_search() -> None:
    page = browser_of_staff("view_member").get("/admin/").content.decode()
    assert f'href="{SEARCH}"' in page


@pytest.mark.parametrize(
    "path", ["/admin/", SEARCH, "/admin/auth/user/", "/admin/login/", "/admin/two-factor/"]
)
def test_every_page_has_the_sites_name_and_icon(path: str) -> None:
    client = Client()
    if path != "/admin/login/":
        client.force_login(staff())
    page = client.get(path).content.decode()
    assert '<link rel="icon" href="/static/credits_site/favicon' in page
    assert re.search(r"<title>[^<]*Instant Credits[^<]*</title>", page)
    assert "Django" not in re.sub(r"<!--.*?-->", "", page)


def test_names_in_the_admin_are_in_the_readers_language() -> None:
    shown = {*AttentionAdmin.list_display, *AttentionAdmin.fields}

    def names(language: str) -> set[str]:
        with override(language):
            columns = [label_for_field(name, Attention, AttentionAdmin(Attention, site)) for name in shown]
            models = [name for of in (Member, Attention) for name in _names_of(of)]
            return {*map(str, (*columns, *models, apps.get_app_config("billing").verbose_name))}

    assert names("en") & names("de") == set()


def _names_of(model: type[Model]) -> tuple[object, ...]:
    return model._meta.verbose_name, model._meta.verbose_name_plural
