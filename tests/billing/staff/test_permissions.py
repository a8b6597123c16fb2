"""Which permission each thing needs that staff do with a member, and that nobody else can do it."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client

from accounts.members import Member
from billing.models import Member as StaffMember
from tests.billing.staff.conftest import browser_of_staff
from tests.drivers.signed_in import browser_of
from tests.drivers.site import LoopbackSite
from tests.drivers.staff import staff

pytestmark = pytest.mark.django_db

PERMISSIONS = [codename for codename, _ in StaffMember._meta.permissions]
# The form of each is empty, so nothing is done: who may is told what is missing, who may not hears only that.
NEEDED = {
    "{id}/grant/": "grant_credits",
    "{id}/take/": "take_credits",
    "{id}/reset/": "reset_credits",
    "{id}/give-back/": "grant_credits",
    "grant/": "grant_credits",
    "{id}/purchases/{bought}/refund/": "refund_unused",
    "{id}/check/": "reset_credits",
    "{id}/sign-out/": "end_sessions",
}
# What a button does has no page of its own.
POST_ONLY = ("{id}/check/", "{id}/sign-out/")
MOVE = {
    "credits": "5",
    "reason": "Goodwill",
    "request_id": "aaaaaaaa-1111-4111-8111-111111111111",
    "confirm": "1",
    "balance": "9",
}
READ = ("", "{id}/change/", "{id}/payments/{bought}/", "totals/", "totals.csv")


def address(path: str, member: Member, bought: str) -> str:
    return "/admin/billing/member/" + path.format(id=member.id, bought=bought)


def let(*permissions: str) -> None:
    """Let the one staff member there is do just this."""
    User.objects.get().user_permissions.set(Permission.objects.filter(codename__in=permissions))


@pytest.fixture
def spend(site: LoopbackSite, ada: Member, bought: str) -> str:
    """The key of what Ada has paid for a haiku."""
    site.spend(ada)
    return site.entries(ada)[-1].key


@pytest.mark.parametrize("action", NEEDED)
def test_each_action_is_for_those_with_its_permission_and_nobody_else(
    site: LoopbackSite, ada: Member, bought: str, spend: str, action: str
) -> None:
    browser, there = browser_of_staff(), address(action, ada, bought)
    leads_there = address("" if action == "grant/" else "{id}/change/", ada, bought)

    def may(*permissions: str) -> bool:
        let(*permissions)
        is_allowed = browser.post(there).status_code != 403
        asked = browser.get(there, {"spend": spend}).status_code
        assert asked == 405 if action in POST_ONLY else (asked != 403) is is_allowed
        assert (there in browser.get(leads_there).content.decode()) is is_allowed
        return is_allowed

    assert [each for each in PERMISSIONS if may("view_member", each)] == [NEEDED[action]]
    assert not may("view_member", *(each for each in PERMISSIONS if each != NEEDED[action]))
    assert not may(*PERMISSIONS)
    assert site.credits(ada) == 9


@pytest.mark.parametrize("action", NEEDED)
def test_what_others_send_does_nothing(
    site: LoopbackSite, ada: Member, bought: str, spend: str, action: str
) -> None:
    """Nor does what another site has the browser of staff send: it has their cookies, but no token."""
    form = {
        "{id}/give-back/": {"spend": spend, "reason": "Goodwill"},
        "grant/": MOVE | {"members": ada.email},
        "{id}/purchases/{bought}/refund/": {"credits": "9", "amount": "450", "reason": "Goodwill"},
        **{each: {} for each in POST_ONLY},
    }.get(action, MOVE)
    site.buy(ada)  # nobody has heard of it, until somebody checks
    there, adas, root = address(action, ada, bought), browser_of(ada), staff("root")
    strict, lax = Client(enforce_csrf_checks=True), Client()
    for browser in (strict, lax):
        browser.force_login(root)
        browser.get("/admin/")
    others = [each for each in PERMISSIONS if each != NEEDED[action]]

    def state() -> tuple[int, int]:
        return len(site.entries(ada)), adas.get("/account/sessions/").status_code

    before = state()
    for browser, status in (
        (Client(), 302),
        (adas, 302),
        (browser_of_staff("view_member", *others), 403),
        (browser_of_staff(*PERMISSIONS, name="linus"), 403),
        (strict, 403),
    ):
        assert browser.post(there, form).status_code == status
        assert state() == before
    assert settings.CSRF_COOKIE_NAME in strict.cookies
    assert lax.post(there, form).status_code in (200, 303)
    assert state() != before


def test_every_permission_is_for_something() -> None:
    assert set(NEEDED.values()) == set(PERMISSIONS)


@pytest.mark.parametrize("path", READ)
def test_who_may_look_may_only_look(site: LoopbackSite, ada: Member, bought: str, path: str) -> None:
    browser, there = browser_of_staff("view_member"), address(path, ada, bought)
    assert browser.get(there).status_code in (200, 303)
    let(*PERMISSIONS)
    assert browser.get(there).status_code == 403
    assert Client().get(there).status_code == 302


def test_nothing_of_a_member_is_added_or_deleted(site: LoopbackSite, ada: Member) -> None:
    client = Client()
    client.force_login(staff())
    for path in ("add/", "{id}/delete/", "{id}/history/"):
        assert client.get(address(path, ada, "")).status_code == 404
