"""Buying a pack: paid, declined, cancelled, free, settled by either door, and never twice."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
import requests
import stripe

from instant_admin.client.admin import InstantAdmin
from sandbox.world import World
from tests.drivers.faults import Faults
from tests.drivers.member import DECLINED, FREE, HTMX, JSON, TIMEOUT_S, MemberClient
from tests.drivers.stripe import Stripe


def webhook(world: World, checkout_id: str, *, site: int = 0, **changes: str) -> requests.Response:
    """Deliver `checkout.session.completed` as Stripe would."""
    body = json.dumps(
        {
            "id": f"evt_{uuid4().hex}",
            "object": "event",
            "type": changes.get("type", "checkout.session.completed"),
            "livemode": False,
            "created": int(time.time()),
            "data": {"object": {"id": checkout_id, "object": "checkout.session"}},
        }
    )
    signature = stripe.WebhookSignature.generate_signature_header(body, world.keys.stripe_webhook)
    return requests.post(
        f"{world.site_urls[site]}/api/stripe/webhook",
        data=body,
        headers={"Stripe-Signature": signature, "Content-Type": "application/json"},
        timeout=TIMEOUT_S,
    )


def test_a_paid_pack_is_credited_by_the_sync_or_the_webhook_and_only_once(ada: MemberClient) -> None:
    checkout_id = ada.buy()
    first = ada.sync(checkout_id).json()
    assert first["credits"] == 10
    assert first["status"] in ("credited", "already_credited")  # the webhook may have been first
    assert ada.sync(checkout_id).json() == {"status": "already_credited", "credits": 10}
    assert [(entry["kind"], entry["amount"]) for entry in ada.history()] == [("purchase", 10)]


def test_a_paid_pack_is_credited_though_the_buyer_never_comes_back(ada: MemberClient) -> None:
    ada.buy()
    ada.await_credits(10)


def test_a_free_order_is_credited_too(ada: MemberClient) -> None:
    assert ada.sync(ada.buy(code=FREE)).json()["credits"] == 10


def test_a_bigger_pack_is_worth_more_and_several_packs_are_worth_their_sum(ada: MemberClient) -> None:
    assert ada.sync(ada.buy(pack="price_sandbox50")).json()["credits"] == 50
    form = {"pack": "price_sandbox10", "quantity": "3"}
    page = ada.post("/api/stripe/checkout", form, **JSON).json()["url"]
    back = ada.pay(page).headers["Location"]
    assert ada.sync(parse_qs(urlsplit(back).query)["session_id"][0]).json()["credits"] == 80


def test_a_declined_card_says_why_and_credits_nothing(ada: MemberClient) -> None:
    page = ada.open_checkout()
    declined = ada.pay(page, DECLINED)
    assert declined.status_code == 402
    assert "declined" in declined.text.lower()
    assert ada.credits() == 0
    assert ada.pay(page).status_code == 303


def test_an_open_checkout_is_pending_and_its_page_says_that_nothing_was_charged(ada: MemberClient) -> None:
    ada.open_checkout()
    cancelled = ada.get("/?checkout=cancelled")
    assert cancelled.status_code == 200
    checkout_id = ada.get("/").text and _remembered(cancelled.text)
    assert ada.sync(checkout_id).json() == {"status": "pending", "credits": 0}
    notice = ada.post("/api/stripe/sync", {"session_id": checkout_id, "returned": "cancelled"}, **HTMX)
    assert "nothing was charged" in notice.text.lower()


def _remembered(page: str) -> str:
    return page.split('name="session_id"')[1].split('value="')[1].split('"')[0]


def test_nobody_gets_the_credits_of_someone_elses_checkout(ada: MemberClient, world: World) -> None:
    checkout_id = ada.buy()
    grace = MemberClient(world.site_url, world.mail_dir).sign_in()
    assert grace.sync(checkout_id).status_code == 404
    assert grace.sync("cs_test_doesnotexist").status_code == 404
    assert grace.sync("../../v1/customers").status_code == 404
    assert grace.credits() == 0
    ada.await_credits(10)


def test_a_double_click_on_buy_is_one_checkout(ada: MemberClient) -> None:
    form = {"pack": "price_sandbox10", "request_id": str(uuid4())}
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: ada.post("/api/stripe/checkout", form, **JSON), range(2)))
    assert len({answer.json()["url"] for answer in answers}) == 1
    # Sent again after it was paid, the form is a new purchase.
    ada.sync(parse_qs(urlsplit(ada.pay(answers[0].json()["url"]).headers["Location"]).query)["session_id"][0])
    again = ada.post("/api/stripe/checkout", form, **JSON)
    assert again.json()["url"] != answers[0].json()["url"]


def test_two_first_checkouts_at_once_leave_one_customer(
    ada: MemberClient, world: World, instant: InstantAdmin
) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ada.open_checkout(), range(8)))
    user = instant.create_token(email=ada.email)["user"]
    assert user is not None
    client = stripe.StripeClient(world.keys.stripe_secret, base_addresses={"api": world.stripe.url})
    mine = [
        customer.id
        for customer in client.v1.customers.list({"limit": 100}).auto_paging_iter()
        if customer.metadata and customer.metadata.to_dict().get("member") == user["id"]
    ]
    assert mine == [user["stripeCustomerId"]]  # type: ignore[typeddict-item]


def test_a_customer_deleted_in_stripe_is_made_anew(
    ada: MemberClient, world: World, instant: InstantAdmin
) -> None:
    ada.open_checkout()
    user = instant.create_token(email=ada.email)["user"]
    assert user is not None
    client = stripe.StripeClient(world.keys.stripe_secret, base_addresses={"api": world.stripe.url})
    client.v1.customers.delete(user["stripeCustomerId"])  # type: ignore[typeddict-item]
    assert ada.sync(ada.buy()).json()["credits"] == 10


def test_a_thousand_webhooks_and_fifty_syncs_at_once_credit_once(ada: MemberClient, world: World) -> None:
    checkout_id = ada.buy()
    with ThreadPoolExecutor(32) as pool:
        hooks = [pool.submit(webhook, world, checkout_id, site=number % 2) for number in range(1000)]
        syncs = [pool.submit(ada.sync, checkout_id) for _ in range(50)]
        assert {hook.result().status_code for hook in hooks} == {200}
        assert {sync.result().json()["credits"] for sync in syncs} == {10}
    assert ada.credits() == 10
    assert [entry["amount"] for entry in ada.history()] == [10]


def test_what_was_edited_in_stripe_is_credited_only_when_it_is_put_back(
    ada: MemberClient, world: World
) -> None:
    dashboard = Stripe(world)
    page = ada.open_checkout()
    checkout_id = page.rsplit("/", 1)[1]
    made_with = dashboard.ask(f"checkout/sessions/{checkout_id}")["metadata"]
    dashboard.edit(checkout_id, credits="1000")
    assert ada.pay(page).status_code == 303
    assert webhook(world, checkout_id).status_code == 200
    assert ada.sync(checkout_id).json() == {"status": "needs_review", "credits": 0}
    assert "We have to look at it" in ada.sync(checkout_id, **HTMX).text
    audited = world.manage("audit_credits", "--member", ada.email, check=False)
    assert audited.returncode == 1
    assert f"{ada.email}: {checkout_id} is paid" in audited.stdout
    dashboard.edit(checkout_id, **made_with)
    assert ada.sync(checkout_id).json()["credits"] == 10
    assert world.manage("audit_credits", "--member", ada.email).returncode == 0


def test_what_the_dashboard_shows_is_marked_once_credited(ada: MemberClient, world: World) -> None:
    checkout_id = ada.buy()
    ada.sync(checkout_id)
    client = stripe.StripeClient(world.keys.stripe_secret, base_addresses={"api": world.stripe.url})
    session = client.v1.checkout.sessions.retrieve(checkout_id)
    assert session.metadata is not None
    assert session.metadata.to_dict()["creditsProcessed"] == "true"


def test_a_mark_that_cannot_be_set_blocks_nothing(ada: MemberClient, stripe_faults: Faults) -> None:
    checkout_id = ada.buy()
    stripe_faults.add(
        "answer", f"/v1/checkout/sessions/{checkout_id}$", method="POST", status=400, times=None
    )
    assert ada.sync(checkout_id).json()["credits"] == 10


@pytest.mark.parametrize("fault", ["refuse", "drop_after", "half_body"])
@pytest.mark.parametrize("path", ["/admin/query", "/admin/transact"])
def test_an_outage_in_between_costs_nothing(
    ada: MemberClient, instant_faults: Faults, fault: str, path: str
) -> None:
    checkout_id = ada.buy()
    instant_faults.add(fault, path, times=2)
    answers = [ada.sync(checkout_id) for _ in range(3)]
    assert answers[-1].status_code == 200
    assert ada.credits() == 10
    assert [entry["amount"] for entry in ada.history()] == [10]


def test_the_webhook_asks_stripe_to_come_again_while_instant_is_away(
    ada: MemberClient, world: World, instant_faults: Faults
) -> None:
    page = ada.open_checkout()
    instant_faults.add("refuse", "/admin/transact", times=None)
    location = ada.pay(page).headers["Location"]
    answer = webhook(world, parse_qs(urlsplit(location).query)["session_id"][0])
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    instant_faults.clear()
    ada.await_credits(10)


def test_the_sync_says_503_while_stripe_is_away_and_credits_afterwards(
    ada: MemberClient, stripe_faults: Faults
) -> None:
    checkout_id = ada.buy()
    stripe_faults.add("refuse", "/v1/checkout/sessions/", times=None)
    away = ada.sync(checkout_id)
    assert (away.status_code, "error" in away.json()) == (503, True)
    stripe_faults.clear()
    assert ada.sync(checkout_id).json()["credits"] == 10


def test_forged_old_and_unsigned_webhooks_are_refused(ada: MemberClient, world: World) -> None:
    page = ada.open_checkout()
    checkout_id = page.rsplit("/", 1)[1].split("?")[0].split("#")[0]
    body = json.dumps(
        {"id": "evt_1", "type": "checkout.session.completed", "data": {"object": {"id": checkout_id}}}
    )
    sign = stripe.WebhookSignature.generate_signature_header
    for signature in (
        None,
        "",
        "t=1,v1=00",
        sign(body, "whsec_of_someone_else"),
        sign(body, world.keys.stripe_webhook, timestamp=int(time.time()) - 400),
    ):
        headers = {"Stripe-Signature": signature} if signature is not None else {}
        answer = requests.post(
            f"{world.site_url}/api/stripe/webhook", data=body, headers=headers, timeout=TIMEOUT_S
        )
        assert answer.status_code == 400
        assert "error" in answer.json()
    assert ada.credits() == 0


def test_an_event_of_no_interest_or_of_another_site_is_accepted_and_ignored(
    ada: MemberClient, world: World
) -> None:
    checkout_id = ada.open_checkout().rsplit("/", 1)[1]
    assert webhook(world, checkout_id, type="customer.updated").json() == {"received": True}
    assert webhook(world, "cs_test_ofanothersite").json() == {"received": True}
    client = stripe.StripeClient(world.keys.stripe_secret, base_addresses={"api": world.stripe.url})
    stray = client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [{"price": "price_sandbox10", "quantity": 1}],
            "success_url": "http://other.test/",
        }
    )
    assert webhook(world, stray.id).json() == {"received": True}
    assert ada.sync(stray.id).status_code == 404
