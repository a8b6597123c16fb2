"""How staff find members, and what they see of one."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client

from accounts.members import Member
from billing.history import history_of
from billing.staff import members
from billing.staff.members import find_members
from instant_admin.ledger.rules import Reset
from tests.billing.staff.conftest import browser_of_staff
from tests.drivers.site import LoopbackSite

pytestmark = pytest.mark.django_db

LIST = "/admin/billing/member/"


@pytest.fixture
def grace() -> Client:
    """Staff who may look."""
    return browser_of_staff("view_member")


def emails(q: str = "", **options: int) -> list[str]:
    return [member.email for member in find_members(q, **options).members]


def test_what_is_searched_for_is_a_text_and_no_pattern(site: LoopbackSite, ada: Member) -> None:
    assert emails(" DA@ ") == [ada.email]
    assert emails("%") == emails("a_a") == emails("\\") == []


def test_any_id_leads_to_its_member(site: LoopbackSite, ada: Member, bought: str) -> None:
    site.member("bob@example.com")
    payment, customer = site.payment_of(bought), str(history_of(ada).customer_id)
    for known in (str(ada.id), str(ada.id).upper(), bought, payment, customer):
        assert emails(known) == [ada.email]
    for unknown in (str(uuid4()), "cs_test_none", "cs_/../x", "pi_none", "cus_none"):
        assert emails(unknown) == []


def test_what_is_paid_and_not_credited_leads_to_its_member(site: LoopbackSite, ada: Member) -> None:
    assert emails(site.buy(ada)) == [ada.email]


def test_the_list_has_balance_last_movement_and_purchases(
    site: LoopbackSite, ada: Member, grace: Client
) -> None:
    bob = site.member("bob@example.com")
    site.buy(ada)
    site.buy(ada)
    site.deliver_all()
    site.spend(ada)
    found = {member.id: member for member in find_members().members}
    assert (found[ada.id].credits, found[ada.id].purchases) == (19, 2)
    assert found[ada.id].moved_at == site.entries(ada)[-1].created_at
    assert (found[bob.id].credits, found[bob.id].purchases, found[bob.id].moved_at) == (0, 0, None)
    page = grace.get(LIST).content.decode()
    assert site.entries(ada)[-1].created_at.strftime("%Y-%m-%d %H:%M") in page


def test_low_balances_come_lowest_first(site: LoopbackSite, ada: Member, grace: Client) -> None:
    for name, credits in (("low", 3), ("lower", -2), ("rich", 100)):
        member = site.member(f"{name}@example.com")
        site.store.post(member.id, Reset(key=f"reset:{name}", credits=credits))
    assert emails(below=5) == ["lower@example.com", "low@example.com"]
    assert emails(below=0) == ["lower@example.com"]
    assert emails("low@", below=5) == ["low@example.com"]
    page = grace.get(LIST, {"below": "0"}).content.decode()
    assert ("lower@" in page, "rich@" in page) == (True, False)


def test_the_list_goes_on_on_the_next_page(site: LoopbackSite, grace: Client) -> None:
    made = [site.member(f"member{number:02}@example.com").email for number in range(members.PAGE_SIZE + 1)]
    assert emails("member") + emails("member", page=2) == made
    first = grace.get(LIST, {"q": "member"}).content.decode()
    assert "?q=member&amp;below=&amp;page=2" in first
    assert "member50@" not in first
    second = grace.get(f"{LIST}?q=member&below=&page=2").content.decode()
    assert ("member50@" in second, "page=3" in second) == (True, False)
    assert "Nobody on this page." in grace.get(f"{LIST}?q=member&page=3").content.decode()


def test_a_members_page_leads_into_stripe(
    site: LoopbackSite, ada: Member, grace: Client, bought: str
) -> None:
    customer, payment = history_of(ada).customer_id, f"{LIST}{ada.id}/payments/{bought}/"
    page = grace.get(f"{LIST}{ada.id}/change/").content.decode()
    assert f"https://dashboard.stripe.com/test/customers/{customer}" in page
    assert payment in page
    answer = grace.get(payment)
    there = f"https://dashboard.stripe.com/test/payments/{site.payment_of(bought)}"
    assert (answer.status_code, answer["Location"]) == (303, there)


def test_a_free_purchase_leads_to_its_customer(site: LoopbackSite, ada: Member, grace: Client) -> None:
    free = site.buy(ada, promotion_code="TESTING100")
    answer = grace.get(f"{LIST}{ada.id}/payments/{free}/")
    assert answer["Location"].endswith(f"/test/customers/{history_of(ada).customer_id}")


def test_a_payment_of_somebody_else_leads_nowhere(site: LoopbackSite, grace: Client, bought: str) -> None:
    assert grace.get(f"{LIST}{site.member().id}/payments/{bought}/").status_code == 404


def test_it_says_how_many_of_each_product_a_member_has(
    site: LoopbackSite, ada: Member, grace: Client, bought: str
) -> None:
    site.spend(ada, 2)
    assert "Haiku: 2" in grace.get(f"{LIST}{ada.id}/change/").content.decode()


def test_stripe_away_is_said(site: LoopbackSite, ada: Member, grace: Client, bought: str) -> None:
    site.stripe_is_away = True
    assert grace.get(LIST, {"q": bought}).status_code == 503
    answer = grace.get(f"{LIST}{ada.id}/payments/{bought}/", follow=True)
    assert '<li class="error">' in answer.content.decode()
