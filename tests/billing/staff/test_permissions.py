"""Which permission each thing needs that staff do with a member: every action with every permission."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from accounts.members import Member
from billing.models import Member as StaffMember
from tests.billing.staff.conftest import browser_of_staff
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
READ = ("", "{id}/change/", "{id}/payments/{bought}/", "totals/", "totals.csv")


def address(path: str, member: Member, bought: str) -> str:
    return "/admin/billing/member/" + path.format(id=member.id, bought=bought)


def let(*permissions: str) -> None:
    """Let the one staff member there is do just this."""
    User.objects.get().user_permissions.set(Permission.objects.filter(codename__in=permissions))


@pytest.mark.parametrize("action", NEEDED)
def test_each_action_is_for_those_with_its_permission_and_nobody_else(
    site: LoopbackSite, ada: Member, bought: str, action: str
) -> None:
    browser, there = browser_of_staff(), address(action, ada, bought)

    def may(*permissions: str) -> bool:
        let(*permissions)
        return browser.post(there).status_code != 403

    assert [each for each in PERMISSIONS if may("view_member", each)] == [NEEDED[action]]
    assert not may("view_member", *(each for each in PERMISSIONS if each != NEEDED[action]))
    assert not may(*PERMISSIONS)
    assert site.credits(ada) == 10


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
