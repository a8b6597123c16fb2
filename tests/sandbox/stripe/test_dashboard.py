"""The dashboard: what it shows and which buttons it has."""

import html
import json
import re

import pytest
import requests

from sandbox.stripe.dashboard import BUTTONS
from sandbox.stripe.dashboard_pages import PAGES, SHOWN
from sandbox.world import free_port
from tests.drivers.stripe_api import (
    DECLINED,
    DISPUTED,
    INQUIRED,
    LIMIT_S,
    REFUND_PENDING,
    SECRET_KEY,
    StripeDriver,
    served,
)
from tests.sandbox.stripe.harness import TESTING100, packs, press, priced, refund


def page(driver: StripeDriver, name: str = "") -> str:
    answer = driver.get(f"/dashboard/{name}")
    assert answer.status_code == 200
    return answer.text


def notice(driver: StripeDriver, button: str, **form: str) -> str:
    """What one reads after pressing a button."""
    shown = driver.get(press(driver, button, **form)).text
    (said,) = re.findall(r'class="done" role="status">([^<]*)', shown)
    return str(said)


# What it shows


def test_a_payment_is_shown_with_its_buyer_and_why_it_was_declined(driver: StripeDriver) -> None:
    metadata = {"member": "7", "note": "<b>bold</b>"}
    session = driver.session(metadata=metadata, customer_email="ada@example.com")
    driver.pay(session, DECLINED)
    shown = page(driver)
    intent = driver.again(session).payment_intent
    for text in (intent, "ada@example.com", "member", "Your card was declined.", "&lt;b&gt;bold&lt;/b&gt;"):
        assert text in shown
    assert "<b>bold" not in shown


def test_a_session_is_shown_with_what_it_sells_and_its_receipt(driver: StripeDriver) -> None:
    session = driver.sold(line_items=packs(3), invoice_creation={"enabled": True})
    shown = page(driver, "sessions/").split(f'id="{session.id}"')[1].split("</article>")[0]
    assert "3 \N{MULTIPLICATION SIGN} 10 credits" in shown
    (receipt,) = re.findall(r'href="([^"]+)">Receipt<', shown)
    assert receipt == driver.v1.invoices.retrieve(session.invoice).hosted_invoice_url


def test_an_order_that_cost_nothing_after_a_declined_card_is_shown(driver: StripeDriver) -> None:
    session = driver.session(allow_promotion_codes=True)
    driver.pay(session, DECLINED)
    declined = driver.again(session).payment_intent
    driver.pay(session, None, promotion_code=TESTING100)
    assert declined in page(driver)
    assert session.id in page(driver, "sessions/")


def test_a_customer_is_shown_until_they_are_deleted(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({"email": "grace@example.com"}).id
    assert "grace@example.com" in page(driver, "customers/")
    assert "Deleted" in notice(driver, f"customers/{customer}/delete")
    assert driver.v1.customers.retrieve(customer).deleted
    shown = page(driver, "customers/")
    assert ("grace@example.com" in shown, customer in shown) == (False, True)
    press(driver, f"customers/{customer}/delete", 404)


def test_an_event_is_shown_with_each_attempt_and_its_answer(fresh: StripeDriver) -> None:
    fresh.v1.customers.create({})
    for status, answer in ((500, "it <broke>"), (None, "Nobody listens there.")):
        (delivery,) = fresh.due()
        fresh.standin.record_attempt(delivery.id, status, fresh.clock.now, answer)
        fresh.clock.advance(1)
    shown = page(fresh, "events/")
    for text in ("customer.created", "500", "it &lt;broke&gt;", "no answer", "Nobody listens there."):
        assert text in shown


def test_an_event_tells_when_it_is_tried_next(fresh: StripeDriver) -> None:
    fresh.v1.customers.create({})
    seen = []
    for wait_s in (1, 2, 5, 15, 60):
        fresh.deliver_all(500)
        seen += re.findall(r"try (\d+) of 16 at <time>[^<]+</time>, in (\d+ \w+)", page(fresh, "events/"))
        fresh.clock.advance(wait_s)
    assert seen == [("2", "1 s"), ("3", "2 s"), ("4", "5 s"), ("5", "15 s"), ("6", "60 s")]


def test_events_can_be_narrowed_to_one_payment(fresh: StripeDriver) -> None:
    mine, other = fresh.sold(), fresh.sold()
    shown = page(fresh, f"events/?about={mine.payment_intent}")
    assert shown.count('<article class="item"') == 4
    assert other.payment_intent not in shown
    assert "checkout.session.completed" in shown


def test_older_things_are_a_page_away(fresh: StripeDriver) -> None:
    made = [fresh.v1.customers.create({}).id for _ in range(SHOWN + 1)]
    newest = page(fresh, "customers/")
    assert made[0] not in newest
    (older,) = re.findall(r'href="(\?before=\w+)"', newest)
    assert re.findall(r'id="(cus_\w+)"', page(fresh, f"customers/{older}")) == [made[0]]


def test_the_root_leads_to_it(driver: StripeDriver) -> None:
    assert driver.get("/").headers["Location"] == "/dashboard/"


@pytest.mark.parametrize(("asset", "kind"), [("sandbox.css", "text/css"), ("pay.js", "text/javascript")])
def test_what_its_pages_load_is_there(driver: StripeDriver, asset: str, kind: str) -> None:
    assert driver.get(f"/assets/{asset}").headers["Content-Type"].startswith(kind)


# Its buttons


def test_every_button_is_on_a_page_at_some_time(fresh: StripeDriver) -> None:
    found = set()

    def look_round() -> None:
        for name in PAGES:
            for button in re.findall(r'action="/dashboard/([^"]+)"', page(fresh, name)):
                kind, *rest = button.split("/")
                found.add((kind, rest[-1] if rest else ""))

    fresh.session()
    refund(fresh, fresh.sold(REFUND_PENDING, customer_creation="always"), amount=100)
    fresh.sold(DISPUTED)
    fresh.sold(INQUIRED)
    fresh.pay(fresh.session(), None, payment_method="bank_debit_ok")
    look_round()
    press(fresh, "delivery/hold")
    press(fresh, "endpoints/we_sandbox/disable")
    look_round()
    assert found == set(BUTTONS)


@pytest.mark.parametrize(
    ("form", "refunded"),
    [
        ({"amount": "150"}, 150),
        ({"money": "1.50"}, 150),
        ({"money": " 1,5 "}, 150),
        ({"money": "2"}, 200),
        ({"money": "", "amount": ""}, 500),
        ({}, 500),
    ],
)
def test_a_refund_is_typed_as_money_or_posted_in_cents(
    driver: StripeDriver, form: dict[str, str], refunded: int
) -> None:
    session = driver.sold()
    assert notice(driver, f"payments/{session.payment_intent}/refund", **form) == "Refunded."
    assert driver.charge(session).amount_refunded == refunded


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        *(("amount", typed) for typed in ("lots", "0", "501")),
        *(("money", typed) for typed in ("1.505", "0.00", "-1", "5.01", "all")),
        ("reason", "because"),
    ],
)
def test_a_wrong_field_changes_nothing(driver: StripeDriver, field: str, typed: str) -> None:
    session = driver.sold()
    press(driver, f"payments/{session.payment_intent}/refund", 400, **{field: typed})
    assert driver.charge(session).amount_refunded == 0


def test_money_without_decimals_is_typed_without_them(driver: StripeDriver) -> None:
    session = driver.sold(line_items=priced(500, "jpy"))
    button = f"payments/{session.payment_intent}/refund"
    press(driver, button, 400, money="1.50")
    press(driver, button, money="150")
    assert driver.charge(session).amount_refunded == 150


def test_a_button_leads_to_where_it_was_pressed(driver: StripeDriver) -> None:
    session = driver.session().id
    led = press(driver, f"sessions/{session}/expire")
    assert led == f"/dashboard/sessions/?done=sessions.expire#{session}"
    for asked, name in (("events/", "events/"), ("//elsewhere.test", "webhooks/")):
        assert press(driver, "delivery/release", page=asked) == f"/dashboard/{name}?done=delivery.release#"


def test_narrowed_events_can_be_read_as_they_were_sent_and_stay_narrowed(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({"name": "</pre><script>"}).id
    shown = page(driver, f"events/?about={customer}")
    said = html.unescape(shown.split("<pre>")[1].split("</pre>")[0])
    assert json.loads(said)["data"]["object"]["name"] == "</pre><script>"
    assert "<script>" not in shown
    assert f'name="about" value="{customer}"' in shown
    (event_id,) = re.findall(r'<article class="item" id="(evt_\w+)"', shown)
    led = press(driver, f"events/{event_id}/resend", page="events/", about=customer)
    assert led.startswith("/dashboard/events/?")
    assert f"about={customer}" in led


def test_a_made_up_notice_is_not_shown(driver: StripeDriver) -> None:
    assert 'role="status"' not in page(driver, "?done=you.won")


@pytest.mark.parametrize(
    "button",
    [
        "payments/pi_none/refund",
        "sessions/cs_test_none/expire",
        "customers/cus_none/delete",
        "events/evt_none/resend",
        "events/evt_none/hold",
        "endpoints/we_none/roll",
        "endpoints/we_none/disable",
        "nothing/like/that",
        "",
    ],
)
def test_a_button_that_is_not_there_is_404(driver: StripeDriver, button: str) -> None:
    press(driver, button, 404)


# The whole API


def test_while_it_is_away_the_api_does_nothing(fresh: StripeDriver) -> None:
    assert "The API is away." in fresh.get(press(fresh, "api", away="on")).text
    answer = fresh.call("POST", "/v1/customers")
    assert (answer.status_code, answer.json()["error"]["type"]) == (503, "api_error")
    press(fresh, "api")
    assert fresh.v1.customers.list().data == []


def test_while_it_is_mute_the_api_does_its_work_and_hangs_up(fresh: StripeDriver) -> None:
    assert "The API is mute." in fresh.get(press(fresh, "api", mute="on")).text
    with served(fresh.standin.handle, free_port()) as url, pytest.raises(requests.ConnectionError):
        requests.post(f"{url}/v1/customers", auth=(SECRET_KEY, ""), timeout=LIMIT_S)
    press(fresh, "api")
    assert len(fresh.v1.customers.list().data) == 1
