"""What the history page says became of a purchase."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.http import HttpResponse, HttpResponseBase
from django.test import Client

from accounts.members import Member
from billing.history import history_of
from billing.purchases import (
    SHOWN,
    PurchaseRecord,
    State,
    credited_purchases,
    with_what_stripe_has,
)
from instant_admin.client.steps import update
from sandbox.serving import Request, Response
from tests.drivers.problems import problem_in
from tests.drivers.signed_in import FRAGMENT, JSON, browser_of
from tests.drivers.site import LoopbackSite


def purchases(member: Member) -> tuple[PurchaseRecord, ...]:
    customer_id = history_of(member).customer_id
    bought = credited_purchases(member.at_instant, member.id)
    told = with_what_stripe_has(bought, member_id=member.id, customer_id=customer_id)
    assert told.is_complete
    return told.records


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


def test_a_purchase_has_the_time_and_the_credits_of_its_entry(
    site: LoopbackSite, ada: Member, bought: str
) -> None:
    (entry,) = site.entries(ada)
    (purchase,) = purchases(ada)
    assert (purchase.checkout_id, purchase.state, purchase.price_text) == (bought, State.PAID, "$5.00")
    assert (purchase.at, purchase.credits) == (entry.created_at, 10)


def test_what_is_paid_and_not_credited_says_so_until_it_is(site: LoopbackSite, ada: Member) -> None:
    checkout_id = site.buy(ada)
    (purchase,) = purchases(ada)
    assert (purchase.checkout_id, purchase.credits, purchase.state) == (checkout_id, 10, State.NOT_YET_ADDED)
    assert purchase.at.timestamp() == site.now
    site.deliver_all()
    assert states(ada) == [State.PAID]


def test_a_free_order_is_paid_and_has_a_receipt(site: LoopbackSite, ada: Member, browser: Client) -> None:
    checkout_id = site.buy(ada, promotion_code="TESTING100")
    site.deliver_all()
    assert (states(ada), prices(ada)) == ([State.PAID], ["$0.00"])
    assert browser.get(receipt(checkout_id)).status_code == 302


def test_a_bank_debit_is_on_its_way_until_it_arrives_or_bounces(site: LoopbackSite, ada: Member) -> None:
    arrives = site.buy(ada, payment_method="bank_debit_ok")
    bounces = site.buy(ada, payment_method="bank_debit_ok")
    site.deliver_all()
    assert states(ada) == [State.ON_ITS_WAY] * 2
    site.post(f"/dashboard/payments/{site.payment_of(arrives)}/settle")
    site.post(f"/dashboard/payments/{site.payment_of(bounces)}/fail")
    site.deliver_all()
    assert {each.state: each.price_text for each in purchases(ada)} == {
        State.PAID: "$5.00",
        State.FAILED: "",  # nothing was charged
    }


def test_an_open_checkout_is_no_purchase_and_an_expired_one_says_so(site: LoopbackSite, ada: Member) -> None:
    checkout_id = site.open_checkout(ada)
    assert states(ada) == []
    site.post(f"/dashboard/sessions/{checkout_id}/expire")
    assert states(ada) == [State.EXPIRED]


def test_a_refund_is_in_part_or_whole_and_one_that_failed_is_none(
    site: LoopbackSite, ada: Member, bought: str
) -> None:
    refund_id = site.refund(bought, 150)
    assert states(ada) == [State.REFUNDED_IN_PART]
    site.refund(bought, 350)
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
    site: LoopbackSite, ada: Member, bought: str, kind: str, end: str | None, state: State
) -> None:
    dispute_id = site.dispute(bought, kind=kind)
    if end is not None:
        site.post(f"/dashboard/disputes/{dispute_id}/{end}")
    assert states(ada) == [state]


def buy(site: LoopbackSite, member: Member) -> str:
    """A purchase with its credits."""
    checkout_id = site.buy(member)
    site.deliver_all()
    return checkout_id


def expire(site: LoopbackSite, member: Member) -> str:
    """A checkout that was left and has expired."""
    checkout_id = site.open_checkout(member)
    site.post(f"/dashboard/sessions/{checkout_id}/expire")
    return checkout_id


def test_the_newest_are_shown_and_the_others_do_not_pass_for_not_credited(
    site: LoopbackSite, ada: Member
) -> None:
    bought = []
    for _ in range(SHOWN + 1):
        bought.append(buy(site, ada))
        site.open_checkout(ada)
    shown = purchases(ada)
    assert [purchase.checkout_id for purchase in shown] == bought[:0:-1]
    assert {purchase.state for purchase in shown} == {State.PAID}


@pytest.mark.parametrize(("abandoned", "calls"), [(10, 1), (30, 2)])
def test_checkouts_that_were_left_hide_nothing_that_was_paid(
    site: LoopbackSite, ada: Member, bought: str, abandoned: int, calls: int
) -> None:
    for _ in range(abandoned):
        expire(site, ada)
    asked = site.asked_stripe
    shown = purchases(ada)
    assert site.asked_stripe - asked == calls
    assert [each.state for each in shown if each.checkout_id == bought] == [State.PAID]
    assert [each.state for each in shown if each.checkout_id != bought] == [State.EXPIRED] * SHOWN


def test_a_customer_that_was_replaced_takes_no_purchase_along(site: LoopbackSite, ada: Member) -> None:
    before = [buy(site, ada), buy(site, ada)]
    site.ask(f"/v1/customers/{history_of(ada).customer_id}", method="DELETE")
    after = buy(site, ada)
    asked = site.asked_stripe
    assert [(each.checkout_id, each.price_text, each.has_receipt) for each in purchases(ada)] == [
        (checkout_id, "$5.00", True) for checkout_id in (after, *reversed(before))
    ]
    assert site.asked_stripe - asked == 3


@pytest.mark.usefixtures("bought")
def test_a_customer_that_is_deleted_or_gone_hides_nothing(site: LoopbackSite, ada: Member) -> None:
    site.ask(f"/v1/customers/{history_of(ada).customer_id}", method="DELETE")
    assert states(ada) == [State.PAID]
    site.admin.transact([update("$users", ada.id, {"stripeCustomerId": None})])
    assert states(ada) == [State.PAID]


def test_a_customer_that_this_account_does_not_have_hides_nothing(
    site: LoopbackSite, ada: Member, bought: str
) -> None:
    missing = Response.json({"error": {"code": "resource_missing", "param": "customer"}}, status=400)
    site.tamper = lambda request, answer: missing if "customer=" in request.query else answer
    assert [(each.checkout_id, each.state) for each in purchases(ada)] == [(bought, State.PAID)]


def test_a_checkout_that_this_account_does_not_have_stands_as_the_ledger_has_it(
    site: LoopbackSite, ada: Member, bought: str
) -> None:
    (entry,) = site.entries(ada)
    site.admin.transact([update("creditEntries", entry.id, {"ref": "cs_live_of_before"})])
    assert {each.checkout_id: each.state for each in purchases(ada)} == {
        bought: State.NOT_YET_ADDED,
        "cs_live_of_before": State.CREDITED,
    }


# On the page


def purchases_on(response: HttpResponseBase) -> str:
    """What the page says below its entries."""
    assert isinstance(response, HttpResponse)
    return response.content.decode().split('<section id="purchases"')[1]


@pytest.mark.usefixtures("bought")
def test_while_stripe_is_away_the_ledgers_purchases_are_shown_and_it_is_asked_but_once(
    site: LoopbackSite, ada: Member, browser: Client
) -> None:
    buy(site, ada)
    site.stripe_is_away = True
    asked = site.asked_stripe
    response = browser.get("/history/")
    page = purchases_on(response)
    assert response.status_code == 200
    assert page.count(State.CREDITED) == 2
    assert "Stripe does not answer right now, so prices, receipts" in page
    assert "/history/receipts/" not in page
    assert site.asked_stripe == asked + 1


def test_a_checkout_that_stripe_cannot_say_leaves_the_others_their_receipts(
    site: LoopbackSite, ada: Member, browser: Client
) -> None:
    first = buy(site, ada)
    site.ask(f"/v1/customers/{history_of(ada).customer_id}", method="DELETE")
    second = buy(site, ada)

    def broken(request: Request, answer: Response) -> Response:
        return Response(500) if request.path.endswith(first) else answer

    site.tamper = broken
    asked = site.asked_stripe
    page = purchases_on(browser.get("/history/"))
    assert site.asked_stripe == asked + 2
    assert (receipt(first) in page, receipt(second) in page) == (False, True)
    assert (page.count(f">{State.CREDITED}<"), page.count(f">{State.PAID}<")) == (1, 1)
    assert "Stripe does not answer right now" in page


def test_the_page_asks_about_what_is_paid_and_not_credited(
    site: LoopbackSite, ada: Member, browser: Client
) -> None:
    checkout_id = site.buy(ada)
    page = browser.get("/history/").content.decode()
    assert f'name="session_id" value="{checkout_id}"' in page
    shown = FRAGMENT | {"HX-Current-URL": "http://testserver/history/"}
    answer = browser.post("/api/stripe/sync", {"session_id": checkout_id}, headers=shown)
    assert answer["HX-Refresh"] == "true"
    page = browser.get("/history/").content.decode()
    assert "Thank you. Added to your balance: 10 credits." in page
    assert 'name="session_id"' not in page


def test_the_page_is_not_loaded_anew_for_what_needs_review(
    site: LoopbackSite, ada: Member, browser: Client
) -> None:
    checkout_id = site.buy(ada)
    site.edit(checkout_id, credits="1000")
    shown = FRAGMENT | {"HX-Current-URL": "http://testserver/history/"}
    answer = browser.post("/api/stripe/sync", {"session_id": checkout_id}, headers=shown)
    assert "HX-Refresh" not in answer
    assert "HX-Replace-Url" not in answer
    assert "We have to look at it" in answer.content.decode()


@pytest.mark.parametrize(("path", "headers"), [("/history/", JSON), ("/history/?before=1", FRAGMENT)])
def test_only_the_page_for_people_asks_stripe(
    site: LoopbackSite, ada: Member, browser: Client, path: str, headers: dict[str, str]
) -> None:
    site.buy(ada)
    asked = site.asked_stripe
    response = browser.get(path, headers=headers)
    assert response.status_code == 200
    assert "Your latest purchases" not in response.content.decode()
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
    checkout_id = buy(site, ada)
    assert receipt(checkout_id) in browser.get("/history/").content.decode()
    response = browser.get(receipt(checkout_id))
    invoice = site.ask(f"/v1/invoices/{site.session(checkout_id)['invoice']}")
    assert (response.status_code, response["Location"]) == (302, invoice["hosted_invoice_url"])
    assert invoice["metadata"]["member"] == str(ada.id)


def test_a_payment_on_its_way_has_no_receipt_yet(site: LoopbackSite, ada: Member, browser: Client) -> None:
    checkout_id = site.buy(ada, payment_method="bank_debit_ok")
    page = browser.get("/history/").content.decode()
    assert "Your latest purchases" in page
    assert State.ON_ITS_WAY in page
    assert receipt(checkout_id) not in page
    early = browser.get(receipt(checkout_id), headers=JSON)
    assert problem_in(early) == (404, "There is no receipt for this purchase yet")
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


@pytest.mark.django_db
def test_it_says_with_what_was_paid_and_what_went_back(site: LoopbackSite, ada: Member) -> None:
    site.buy(ada)
    site.refund(site.buy(ada, card="378282246310005"), 150)
    site.buy(ada, promotion_code="TESTING100")
    site.deliver_all()
    site.buy(ada)
    told = [(each.paid_with, each.refunded_text) for each in purchases(ada)]
    assert sorted(told) == [
        ("", ""),
        ("American Express …0005", "$1.50"),
        ("Visa …4242", ""),
        ("Visa …4242", ""),
    ]
    browser = browser_of(ada)
    page, entries = (browser.get("/history/", headers=headers).content.decode() for headers in ({}, FRAGMENT))
    assert ("American Express …0005" in page, "Refunded: $1.50" in page) == (True, True)
    # The list of movements says so too, beside the purchase and beside what was taken back.
    for each in (page, entries):
        assert ("$5.00, American Express …0005" in each, "Refunded: $1.50 of $5.00" in each) == (True, True)
    site.stripe_is_away = True
    assert "$5.00" not in browser.get("/history/").content.decode()


@pytest.mark.django_db
@pytest.mark.usefixtures("bought")
def test_a_purchase_of_which_nothing_is_left_cannot_be_taken_back(site: LoopbackSite, ada: Member) -> None:
    browser = browser_of(ada)
    assert ">Take back</a>" in browser.get("/history/").content.decode()
    site.spend(ada, 10)
    assert ">Take back</a>" not in browser.get("/history/").content.decode()
