"""What staff see and do in the Django admin."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.world import STAFF_USERNAME, World
from tests.drivers.member import MemberClient
from tests.drivers.stripe import Stripe
from tests.drivers.stripe_api import WARNED
from tests.drivers.waiting import await_that


@pytest.fixture
def ada(ada_with_ten_credits: MemberClient) -> MemberClient:
    """A member with ten credits."""
    return ada_with_ten_credits


@pytest.fixture
def staff(world: World) -> MemberClient:
    """Signed in to the admin."""
    staff = MemberClient.at(world)
    staff.get("/admin/login/")
    answer = staff.post(
        "/admin/login/?next=/admin/",
        {"username": STAFF_USERNAME, "password": world.keys.staff_password, "next": "/admin/"},
    )
    assert answer.status_code == 302, answer.text
    return staff


def member_page(staff: MemberClient, email: str) -> str:
    found = staff.get(f"/admin/billing/member/?q={email}")
    assert email in found.text
    return str(re.findall(r"/admin/billing/member/[0-9a-f-]{36}/[a-z]*/?", found.text)[0])


def fields_of(page: str) -> dict[str, str]:
    """What the form of a page would send."""
    (form,) = re.findall(r'<form method="post" novalidate>.*?</form>', page, re.DOTALL)
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))


def test_staff_find_a_member_and_give_credits_with_a_reason_that_stays_in_the_ledger_and_the_log(
    staff: MemberClient, ada: MemberClient
) -> None:
    member = member_page(staff, ada.email)
    (grant,) = re.findall(r'href="([^"]*/grant/)"', staff.get(member).text)
    typed = {"credits": "4", "reason": "Paid twice by mistake"}
    preview = staff.post(grant, fields_of(staff.get(grant).text) | typed)
    assert f"{ada.email} has 10 credits and will have 14." in preview.text
    assert ada.credits() == 10
    for _ in range(2):  # the same form sent twice
        assert staff.post(grant, fields_of(preview.text)).status_code == 303
    assert ada.ledger() == [("purchase", 10, 10), ("grant", 4, 14)]
    assert ada.history()[0]["note"] == "Paid twice by mistake"
    page = staff.get(member).text
    assert "Bought credits" in page
    assert STAFF_USERNAME in page
    assert "Paid twice by mistake" in staff.get("/admin/").text + page


def test_a_form_sent_several_times_at_once_is_done_and_logged_once(
    staff: MemberClient, ada: MemberClient
) -> None:
    (grant,) = re.findall(r'href="([^"]*/grant/)"', staff.get(member_page(staff, ada.email)).text)
    typed = {"credits": "4", "reason": "Pressed with impatience"}
    confirmed = fields_of(staff.post(grant, fields_of(staff.get(grant).text) | typed).text)
    tabs = [staff.tab(staff.site) for _ in range(4)]
    logged = staff.get("/admin/").text.count(f">{ada.email}</a>")
    with ThreadPoolExecutor(len(tabs)) as hands:
        answers = list(hands.map(lambda tab: tab.post(grant, confirmed).status_code, tabs))
    assert answers == [303] * len(tabs)
    assert ada.ledger() == [("purchase", 10, 10), ("grant", 4, 14)]
    assert staff.get("/admin/").text.count(f">{ada.email}</a>") == logged + 1


def test_staff_see_what_a_bank_warns_of_until_they_have_refunded_it(
    staff: MemberClient, grace: MemberClient, stripe: Stripe
) -> None:
    payment = stripe.payment_of(grace.buy(card=WARNED))
    grace.await_credits(10)

    def is_listed(state: str) -> bool:
        return payment in staff.get(f"/admin/billing/attention/?state={state}").text

    await_that(lambda: is_listed("open"))
    found = staff.get(f"/admin/billing/attention/?q={payment}").text
    (page,) = set(re.findall(r"/admin/billing/attention/\d+/change/", found))
    assert ">10 credits<" in staff.get(page).text
    assert grace.ledger() == [("purchase", 10, 10)]
    stripe.post(f"/dashboard/payments/{payment}/refund")
    await_that(lambda: is_listed("closed"))
    grace.await_credits(0)
    assert ">0 credits<" in staff.get(page).text
