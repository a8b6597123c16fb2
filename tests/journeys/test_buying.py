"""Buying a pack: how much it is worth, whose it is, and never twice. Ways to pay are in `test_cards.py`."""

from __future__ import annotations

import html
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests
from stripe import WebhookSignature

from instant_admin.client.admin import InstantAdmin
from sandbox.world import World
from tests.drivers.deep import deep_but_for
from tests.drivers.faults import Faults
from tests.drivers.member import JSON, TIMEOUT_S, MemberClient, checkout_in
from tests.drivers.stripe import Stripe


def webhook(world: World, checkout_id: str, *, site: int = 0) -> requests.Response:
    """Deliver `checkout.session.completed` as Stripe would."""
    body = json.dumps(
        {
            "id": f"evt_{uuid4().hex}",
            "object": "event",
            "type": "checkout.session.completed",
            "livemode": False,
            "created": int(time.time()),
            "data": {"object": {"id": checkout_id, "object": "checkout.session"}},
        }
    )
    signature = WebhookSignature.generate_signature_header(body, world.keys.stripe_webhook)
    return requests.post(
        f"{world.site_urls[site]}/api/stripe/webhook",
        data=body,
        headers={"Stripe-Signature": signature, "Content-Type": "application/json"},
        timeout=TIMEOUT_S,
    )


def test_a_bigger_pack_is_worth_more_and_several_packs_are_worth_their_sum(ada: MemberClient) -> None:
    assert ada.sync(ada.buy(pack="price_sandbox50")).json()["credits"] == 50
    form = {"pack": "price_sandbox10", "quantity": "3"}
    page = ada.post("/api/stripe/checkout", form, **JSON).json()["url"]
    assert ada.sync(checkout_in(ada.pay(page))).json()["credits"] == 80


def test_nobody_gets_the_credits_of_someone_elses_checkout(
    ada: MemberClient, grace: MemberClient, stripe: Stripe
) -> None:
    of_another_site = stripe.client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [{"price": "price_sandbox10", "quantity": 1}],
            "success_url": "http://other.test/",
        }
    )
    for checkout_id in (ada.buy(), of_another_site.id, "cs_test_doesnotexist"):
        assert grace.sync(checkout_id).status_code == 404
    assert grace.credits() == 0
    ada.await_credits(10)


def test_a_double_click_on_buy_is_one_checkout(ada: MemberClient) -> None:
    form = {"pack": "price_sandbox10", "request_id": str(uuid4())}
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: ada.post("/api/stripe/checkout", form, **JSON), range(2)))
    assert len({answer.json()["url"] for answer in answers}) == 1
    # Sent again after it was paid, the form is a new purchase.
    ada.sync(checkout_in(ada.pay(answers[0].json()["url"])))
    again = ada.post("/api/stripe/checkout", form, **JSON)
    assert again.json()["url"] != answers[0].json()["url"]


def test_two_first_checkouts_at_once_leave_one_customer(
    ada: MemberClient, stripe: Stripe, instant: InstantAdmin
) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ada.open_checkout(), range(8)))
    user = instant.create_token(email=ada.email)["user"]
    mine = [
        customer.id
        for customer in stripe.client.v1.customers.list({"limit": 100}).auto_paging_iter()
        if customer.metadata and customer.metadata.to_dict().get("member") == user["id"]
    ]
    assert mine == [user["stripeCustomerId"]]  # type: ignore[typeddict-item]


@pytest.mark.parametrize("count", deep_but_for(1, [100, 1000]))
def test_that_many_webhooks_and_fifty_syncs_at_once_credit_once(
    ada: MemberClient, world: World, count: int
) -> None:
    checkout_id = ada.buy()
    with ThreadPoolExecutor(32) as pool:
        hooks = [pool.submit(webhook, world, checkout_id, site=number % 2) for number in range(count)]
        syncs = [pool.submit(ada.sync, checkout_id) for _ in range(50)]
        assert {hook.result().status_code for hook in hooks} == {200}
        assert {sync.result().json()["credits"] for sync in syncs} == {10}
    assert ada.credits() == 10
    assert [entry["amount"] for entry in ada.history()] == [10]


def test_what_the_dashboard_shows_is_marked_once_credited(ada: MemberClient, stripe: Stripe) -> None:
    checkout_id = ada.buy()
    ada.sync(checkout_id)
    assert stripe.ask(f"/v1/checkout/sessions/{checkout_id}")["metadata"]["creditsProcessed"] == "true"


def test_a_mark_that_cannot_be_set_blocks_nothing(ada: MemberClient, stripe_faults: Faults) -> None:
    checkout_id = ada.buy()
    stripe_faults.add(
        "answer", f"/v1/checkout/sessions/{checkout_id}$", method="POST", status=400, times=None
    )
    assert ada.sync(checkout_id).json()["credits"] == 10


@pytest.mark.parametrize("fault", deep_but_for(1, ["drop_after", "refuse", "half_body"]))
@pytest.mark.parametrize("path", deep_but_for(1, ["/admin/transact", "/admin/query"]))
def test_an_outage_in_between_costs_nothing(
    ada: MemberClient, instant_faults: Faults, fault: str, path: str
) -> None:
    checkout_id = ada.buy()
    instant_faults.add(fault, path, times=2)
    answers = [ada.sync(checkout_id) for _ in range(3)]
    assert answers[-1].status_code == 200
    assert ada.credits() == 10
    assert [entry["amount"] for entry in ada.history()] == [10]


def test_who_comes_back_in_another_browser_signs_in_and_has_what_they_paid_for(
    ada: MemberClient, world: World
) -> None:
    back = urlsplit(ada.pay(ada.open_checkout()).headers["Location"])
    page = f"{back.path}?{back.query}"
    other = MemberClient.at(world)
    other.email = ada.email
    wanted = re.findall(r'name="next" value="([^"]*)"', other.get(page).text)[0]
    other.post("/sign-in/", {"email": ada.email, "next": html.unescape(wanted)})
    assert other.enter_code(other.code()).headers["Location"] == page
    (checkout_id,) = re.findall(r'name="session_id" value="([^"]*)"', other.get(page).text)
    assert other.sync(checkout_id).json()["credits"] == 10


def test_the_home_page_knows_the_last_checkout_of_who_is_signed_in_and_of_nobody_before(
    ada: MemberClient,
) -> None:
    checkout_id = ada.open_checkout().rsplit("/", 1)[1]
    assert checkout_id in ada.get("/").text
    ada.sign_in("next@example.com")
    home = ada.get("/").text
    assert ("next@example.com" in home, checkout_id in home) == (True, False)
