"""What staff see and do in the Django admin."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.world import STAFF_USERNAME, World
from tests.drivers.desk import Desk, fields_of
from tests.drivers.member import MemberClient
from tests.drivers.stripe import Stripe
from tests.drivers.stripe_api import WARNED
from tests.drivers.waiting import await_that


@pytest.fixture
def ada(ada_with_ten_credits: MemberClient) -> MemberClient:
    """A member with ten credits."""
    return ada_with_ten_credits


@pytest.fixture
def desk(world: World) -> Desk:
    """Signed in to the admin."""
    return Desk.of(world)


def test_staff_find_a_member_and_give_credits_with_a_reason_that_stays_in_the_ledger_and_the_log(
    desk: Desk, ada: MemberClient
) -> None:
    grant = desk.form_of(ada.email, "grant")
    preview = desk.preview(grant, credits="4", reason="Paid twice by mistake")
    assert f"{ada.email} has 10 credits and will have 14." in preview.text
    assert ada.credits() == 10
    for _ in range(2):  # the same form sent twice
        assert desk.post(grant, fields_of(preview.text)).status_code == 303
    assert ada.ledger() == [("purchase", 10, 10), ("grant", 4, 14)]
    assert ada.history()[0]["note"] == "Paid twice by mistake"
    page = desk.get(desk.page_of(ada.email)).text
    assert "Bought credits" in page
    assert STAFF_USERNAME in page
    assert "Paid twice by mistake" in desk.get("/admin/").text + page


def test_a_form_sent_several_times_at_once_is_done_and_logged_once(desk: Desk, ada: MemberClient) -> None:
    grant = desk.form_of(ada.email, "grant")
    confirmed = fields_of(desk.preview(grant, credits="4", reason="Pressed with impatience").text)
    tabs = [desk.tab(desk.site) for _ in range(4)]
    logged = desk.get("/admin/").text.count(f">{ada.email}</a>")
    with ThreadPoolExecutor(len(tabs)) as hands:
        answers = list(hands.map(lambda tab: tab.post(grant, confirmed).status_code, tabs))
    assert answers == [303] * len(tabs)
    assert ada.ledger() == [("purchase", 10, 10), ("grant", 4, 14)]
    assert desk.get("/admin/").text.count(f">{ada.email}</a>") == logged + 1


def test_staff_see_what_a_bank_warns_of_until_they_have_refunded_it(
    desk: Desk, grace: MemberClient, stripe: Stripe
) -> None:
    payment = stripe.payment_of(grace.buy(card=WARNED))
    grace.await_credits(10)

    def is_listed(state: str) -> bool:
        return payment in desk.get(f"/admin/billing/attention/?state={state}").text

    await_that(lambda: is_listed("open"))
    found = desk.get(f"/admin/billing/attention/?q={payment}").text
    (page,) = set(re.findall(r"/admin/billing/attention/\d+/change/", found))
    assert ">10 credits<" in desk.get(page).text
    assert grace.ledger() == [("purchase", 10, 10)]
    stripe.post(f"/dashboard/payments/{payment}/refund")
    await_that(lambda: is_listed("closed"))
    grace.await_credits(0)
    assert ">0 credits<" in desk.get(page).text
