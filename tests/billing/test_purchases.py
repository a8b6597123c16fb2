"""What the history page says became of a purchase."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client

from accounts.members import Member
from billing.history import history_of
from billing.purchases import SHOWN, PurchaseRecord, State, purchases_of
from tests.drivers.signed_in import FRAGMENT, JSON, browser_of
from tests.drivers.site import LoopbackSite


def purchases(member: Member) -> tuple[PurchaseRecord, ...]:
    return purchases_of(member, customer_id=history_of(member).customer_id)


def states(member: Member) -> list[State]:
    return [purchase.state for purchase in purchases(member)]


def prices(member: Member) -> list[str]:
    return [purchase.price_text for purchase in purchases(member)]


def receipt(checkout_id: str) -> str:
    return f"/history/receipts/{checkout_id}/"


@pytest.fixture
def browser(db: None, ada: Member) -> Client:
    return browser_of(ada)


def test_who_never_bought_has_no_purchases_and_stripe_is_not_asked(site: LoopbackSite, ada: Member) -> None:
    assert purchases(ada) == ()
    assert site.asked_stripe == 0


def test_a_paid_purchase_has_its_time_and_its_credits(site: LoopbackSite, ada: Member) -> None:
    checkout_id = site.buy(ada)
    (purchase,) = purchases(ada)
    assert (purchase.checkout_id, purchase.credits, purchase.state) == (checkout_id, 10, State.PAID)
    assert purchase.created_at.timestamp() == site.now
    assert purchase.price_text == "$5.00"


def test_a_free_order_is_paid_and_has_a_receipt(site: LoopbackSite, ada: Member, browser: Client) -> None:
    checkout_id = site.buy(ada, promotion_code="TESTING100")
    assert (states(ada), prices(ada)) == ([State.PAID], ["$0.00"])
    assert browser.get(receipt(checkout_id)).status_code == 302


def test_a_bank_debit_is_on_its_way_until_it_arrives_or_bounces(site: LoopbackSite, ada: Member) -> None:
    arrives = site.buy(ada, payment_method="bank_debit_ok")
    bounces = site.buy(ada, payment_method="bank_debit_ok")
    assert states(ada) == [State.ON_ITS_WAY] * 2
    site.post(f"/dashboard/payments/{site.payment_of(arrives)}/settle")
    site.post(f"/dashboard/payments/{site.payment_of(bounces)}/fail")
    assert states(ada) == [State.FAILED, State.PAID]
    assert prices(ada) == ["", "$5.00"]  # none where nothing was charged


def test_an_open_checkout_is_no_purchase_and_an_expired_one_says_so(site: LoopbackSite, ada: Member) -> None:
    checkout_id = site.open_checkout(ada)
    assert states(ada) == []
    site.post(f"/dashboard/sessions/{checkout_id}/expire")
    assert states(ada) == [State.EXPIRED]


def test_a_refund_is_in_part_or_whole_and_one_that_failed_is_none(site: LoopbackSite, ada: Member) -> None:
    checkout_id = site.buy(ada)
    refund_id = site.refund(checkout_id, 150)
    assert states(ada) == [State.REFUNDED_IN_PART]
    site.refund(checkout_id, 350)
    assert states(ada) == [State.REFUNDED]
    site.post(f"/dashboard/refunds/{refund_id}/fail")
    assert states(ada) == [State.REFUNDED_IN_PART]


@pytest.mark.parametrize(
    ("kind", "end", "state"),
    [
        ("fraudulent", None, State.DISPUTED),
        ("fraudulent", "lose", State.DISPUTED),
        ("fraudulent", "win", State.PAID),
        ("inquiry", None, State.PAID),
    ],
)
def test_a_dispute_counts_while_it_is_open_or_lost(
    site: LoopbackSite, ada: Member, kind: str, end: str | None, state: State
) -> None:
    dispute_id = site.dispute(site.buy(ada), kind=kind)
    if end is not None:
        site.post(f"/dashboard/disputes/{dispute_id}/{end}")
    assert states(ada) == [state]


def test_the_newest_are_shown_and_open_ones_do_not_hide_them(site: LoopbackSite, ada: Member) -> None:
    bought = []
    for _ in range(SHOWN + 1):
        bought.append(site.buy(ada))
        site.open_checkout(ada)
    assert [purchase.checkout_id for purchase in purchases(ada)] == bought[:0:-1]


# On the page


@pytest.mark.usefixtures("bought")
def test_the_page_works_without_stripe_and_asks_but_once(site: LoopbackSite, browser: Client) -> None:
    site.stripe_is_away = True
    asked = site.asked_stripe
    response = browser.get("/history/")
    page = response.content.decode()
    assert response.status_code == 200
    assert "Bought credits" in page
    assert "Stripe does not answer right now" in page
    assert site.asked_stripe == asked + 1


@pytest.mark.parametrize("headers", [JSON, FRAGMENT])
def test_only_the_page_for_people_asks_stripe(
    site: LoopbackSite, ada: Member, browser: Client, headers: dict[str, str]
) -> None:
    site.buy(ada)
    asked = site.asked_stripe
    response = browser.get("/history/", headers=headers)
    assert response.status_code == 200
    assert "purchases" not in response.content.decode()
    assert site.asked_stripe == asked


def test_a_balance_below_zero_is_explained(
    site: LoopbackSite, ada: Member, browser: Client, bought: str
) -> None:
    site.spend(ada, 8)
    site.refund(bought, 500)
    site.deliver_all()
    page = browser.get("/history/").content.decode()
    assert "below zero: the credits of a refunded or disputed purchase were taken back" in page
    refused = browser.post("/api/generate", {"topic": "rain", "request_id": str(uuid4())}, headers=JSON)
    assert (refused.status_code, refused.json()["credits"]) == (402, -8)


# Receipts


def test_a_paid_purchase_links_to_its_receipt(site: LoopbackSite, ada: Member, browser: Client) -> None:
    checkout_id = site.buy(ada)
    assert receipt(checkout_id) in browser.get("/history/").content.decode()
    response = browser.get(receipt(checkout_id))
    invoice = site.ask(f"/v1/invoices/{site.ask(f'/v1/checkout/sessions/{checkout_id}')['invoice']}")
    assert (response.status_code, response["Location"]) == (302, invoice["hosted_invoice_url"])
    assert invoice["metadata"]["member"] == str(ada.id)


def test_a_payment_on_its_way_has_no_receipt_yet(site: LoopbackSite, ada: Member, browser: Client) -> None:
    checkout_id = site.buy(ada, payment_method="bank_debit_ok")
    page = browser.get("/history/").content.decode()
    assert "Your latest purchases" in page
    assert State.ON_ITS_WAY in page
    assert receipt(checkout_id) not in page
    early = browser.get(receipt(checkout_id), headers=JSON)
    assert (early.status_code, early.json()) == (404, {"error": "There is no receipt for this purchase yet"})
    site.post(f"/dashboard/payments/{site.payment_of(checkout_id)}/settle")
    assert browser.get(receipt(checkout_id)).status_code == 302


def test_another_members_receipt_is_not_there(site: LoopbackSite, browser: Client) -> None:
    response = browser.get(receipt(site.buy(site.member())))
    assert response.status_code == 404
    assert "You have no such purchase" in response.content.decode()


@pytest.mark.parametrize("checkout_id", ["cs_test_unknown", "nonsense", "..%2f"])
def test_a_receipt_of_nothing_is_not_there(site: LoopbackSite, browser: Client, checkout_id: str) -> None:
    assert browser.get(receipt(checkout_id)).status_code == 404


def test_while_stripe_is_away_so_are_the_receipts(site: LoopbackSite, ada: Member, browser: Client) -> None:
    checkout_id = site.buy(ada)
    site.stripe_is_away = True
    assert browser.get(receipt(checkout_id)).status_code == 503
