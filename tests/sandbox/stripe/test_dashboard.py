"""The dashboard: what it shows and which buttons it has."""

import html
import json
import re
from collections.abc import Iterator

import pytest
import requests

from sandbox.stripe.dashboard import BUTTONS
from sandbox.stripe.dashboard_pages import PAGES, SHOWN
from tests.drivers.stripe_api import (
    DECLINED,
    DISPUTED,
    INQUIRED,
    REFUND_PENDING,
    SECRET_KEY,
    Clock,
    StripeApi,
    free_port,
    make_standin,
    served,
)


@pytest.fixture
def fresh() -> Iterator[StripeApi]:
    """A stand-in of the test's own, whose dashboard shows nothing of anybody else."""
    clock, port = Clock(), free_port()
    standin = make_standin(clock, public_url=f"http://127.0.0.1:{port}")
    with served(standin.handle, port) as url:
        yield StripeApi(standin, clock, url)
    standin.close()


def page(api: StripeApi, name: str = "") -> str:
    """One of the dashboard's pages."""
    answer = api.get(f"/dashboard/{name}")
    assert answer.status_code == 200
    return answer.text


def press(api: StripeApi, button: str, **form: str) -> str:
    """Press a button; the page that one sees then."""
    answer = api.post(f"/dashboard/{button}", **form)
    assert answer.status_code == 303, answer.text
    return api.get(answer.headers["Location"]).text


def notice(shown: str) -> str:
    """What a page says was just done."""
    (said,) = re.findall(r'class="done" role="status">([^<]*)', shown)
    return str(said)


# What it shows


def test_a_payment_is_shown_with_its_buyer_and_why_it_was_declined(api: StripeApi) -> None:
    session = api.session(metadata={"member": "7", "note": "<b>bold</b>"}, customer_email="ada@example.com")
    api.pay(session, DECLINED)
    shown = page(api)
    for text in (api.again(session).payment_intent, "ada@example.com", "member", "Your card was declined."):
        assert text in shown
    assert "&lt;b&gt;bold&lt;/b&gt;" in shown
    assert "<b>bold" not in shown


def test_a_session_is_shown_with_what_it_sells(api: StripeApi) -> None:
    session = api.session(line_items=[{"price": "price_ten", "quantity": 3}])
    shown = page(api, "sessions/")
    assert session.id in shown
    assert "3 \N{MULTIPLICATION SIGN} 10 credits" in shown


def test_an_order_that_cost_nothing_after_a_declined_card_is_shown(api: StripeApi) -> None:
    session = api.session(allow_promotion_codes=True)
    api.pay(session, DECLINED)
    declined = api.again(session).payment_intent
    api.pay(session, None, promotion_code="TESTING100")
    assert declined in page(api)
    assert session.id in page(api, "sessions/")


def test_a_customer_is_shown_until_they_are_deleted(api: StripeApi) -> None:
    customer = api.v1.customers.create({"email": "grace@example.com"})
    assert "grace@example.com" in page(api, "customers/")
    said = notice(press(api, f"customers/{customer.id}/delete"))
    assert "Deleted" in said
    assert api.v1.customers.retrieve(customer.id).deleted
    assert "grace@example.com" not in page(api, "customers/")
    assert customer.id in page(api, "customers/")
    assert api.post(f"/dashboard/customers/{customer.id}/delete").status_code == 404


def test_an_event_is_shown_with_each_attempt_and_its_answer(fresh: StripeApi) -> None:
    fresh.deliver_all()
    fresh.v1.customers.create({})
    for status, answer in ((500, "it <broke>"), (None, "Nobody listens there.")):
        (delivery,) = fresh.due()
        fresh.standin.record_attempt(delivery.id, status, fresh.clock.now, answer)
        fresh.clock.advance(1)
    shown = page(fresh, "events/")
    for text in ("customer.created", "500", "it &lt;broke&gt;", "no answer", "Nobody listens there."):
        assert text in shown


def test_an_event_tells_when_it_is_tried_next(fresh: StripeApi) -> None:
    fresh.deliver_all()
    fresh.v1.customers.create({})
    seen = []
    for wait_s in (1, 2, 5, 15, 60):
        (delivery,) = fresh.due()
        fresh.standin.record_attempt(delivery.id, 500, fresh.clock.now)
        seen += re.findall(r"try (\d+) of 16 at <time>[^<]+</time>, in (\d+ \w+)", page(fresh, "events/"))
        fresh.clock.advance(wait_s)
    assert seen == [("2", "1 s"), ("3", "2 s"), ("4", "5 s"), ("5", "15 s"), ("6", "60 s")]


def test_events_can_be_narrowed_to_one_payment(fresh: StripeApi) -> None:
    mine, other = fresh.sold(), fresh.sold()
    shown = page(fresh, f"events/?about={mine.payment_intent}")
    assert shown.count('<article class="item"') == 4
    assert other.payment_intent not in shown
    assert "checkout.session.completed" in shown


def test_older_things_are_a_page_away(fresh: StripeApi) -> None:
    made = [fresh.v1.customers.create({}).id for _ in range(SHOWN + 1)]
    newest = page(fresh, "customers/")
    assert made[0] not in newest
    (older,) = re.findall(r'href="(\?before=\w+)"', newest)
    assert re.findall(r'id="(cus_\w+)"', page(fresh, f"customers/{older}")) == [made[0]]


def test_the_root_leads_to_it(api: StripeApi) -> None:
    assert api.get("/").headers["Location"] == "/dashboard/"


@pytest.mark.parametrize(("asset", "kind"), [("sandbox.css", "text/css"), ("pay.js", "text/javascript")])
def test_what_its_pages_load_is_there(api: StripeApi, asset: str, kind: str) -> None:
    assert api.get(f"/assets/{asset}").headers["Content-Type"].startswith(kind)


# Its buttons


def test_every_button_is_on_a_page_at_some_time(fresh: StripeApi) -> None:
    shown = set()

    def look_round() -> None:
        for name in PAGES:
            shown.update(re.findall(r'action="/dashboard/([^"]+)"', page(fresh, name)))

    fresh.session()
    sold = fresh.sold(REFUND_PENDING, customer_creation="always")
    fresh.v1.refunds.create({"payment_intent": sold.payment_intent, "amount": 100})
    fresh.sold(DISPUTED)
    fresh.sold(INQUIRED)
    fresh.pay(fresh.session(), None, payment_method="bank_debit_ok")
    look_round()
    press(fresh, "delivery/hold")
    press(fresh, "endpoints/we_sandbox/disable")
    look_round()
    found = {(path.split("/")[0], path.rpartition("/")[2] if "/" in path else "") for path in shown}
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
    api: StripeApi, form: dict[str, str], refunded: int
) -> None:
    session = api.sold()
    said = notice(press(api, f"payments/{session.payment_intent}/refund", **form))
    assert said == "Refunded."
    assert api.charge(session).amount_refunded == refunded


def test_money_without_decimals_is_typed_without_them(api: StripeApi) -> None:
    yen = {"currency": "jpy", "unit_amount": 500, "product_data": {"name": "a haiku"}}
    session = api.sold(line_items=[{"price_data": yen, "quantity": 1}])
    path = f"/dashboard/payments/{session.payment_intent}/refund"
    assert api.post(path, money="1.50").status_code == 400
    assert api.post(path, money="150").status_code == 303
    assert api.charge(session).amount_refunded == 150


def test_a_button_leads_to_where_it_was_pressed(api: StripeApi) -> None:
    session = api.session()
    answer = api.post(f"/dashboard/sessions/{session.id}/expire")
    assert answer.headers["Location"] == f"/dashboard/sessions/?done=sessions.expire#{session.id}"
    assert api.again(session).status == "expired"
    for asked, led in (("events/", "events/"), ("//elsewhere.test", "webhooks/")):
        answer = api.post("/dashboard/delivery/release", page=asked)
        assert answer.headers["Location"] == f"/dashboard/{led}?done=delivery.release#"


def test_a_button_among_narrowed_events_leaves_them_narrowed(api: StripeApi) -> None:
    customer = api.v1.customers.create({})
    shown = page(api, f"events/?about={customer.id}")
    assert f'name="about" value="{customer.id}"' in shown
    (event_id,) = re.findall(r'<article class="item" id="(evt_\w+)"', shown)
    answer = api.post(f"/dashboard/events/{event_id}/resend", page="events/", about=customer.id)
    assert answer.headers["Location"].startswith("/dashboard/events/?")
    assert f"about={customer.id}" in answer.headers["Location"]


def test_an_event_can_be_read_as_it_was_sent(api: StripeApi) -> None:
    customer = api.v1.customers.create({"name": "</pre><script>"})
    shown = page(api, f"events/?about={customer.id}")
    said = html.unescape(shown.split("<pre>")[1].split("</pre>")[0])
    assert json.loads(said)["data"]["object"]["name"] == "</pre><script>"
    assert "<script>" not in shown


def test_a_paid_session_links_to_its_receipt(api: StripeApi) -> None:
    session = api.sold(invoice_creation={"enabled": True})
    shown = page(api, "sessions/").split(f'id="{session.id}"')[1].split("</article>")[0]
    (receipt,) = re.findall(r'href="([^"]+)">Receipt<', shown)
    assert receipt == api.v1.invoices.retrieve(session.invoice).hosted_invoice_url


def test_a_made_up_notice_is_not_shown(api: StripeApi) -> None:
    assert 'role="status"' not in page(api, "?done=you.won")


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/dashboard/payments/pi_none/refund", {}, 404),
        ("/dashboard/sessions/cs_test_none/expire", {}, 404),
        ("/dashboard/customers/cus_none/delete", {}, 404),
        ("/dashboard/events/evt_none/resend", {}, 404),
        ("/dashboard/events/evt_none/hold", {}, 404),
        ("/dashboard/endpoints/we_none/roll", {}, 404),
        ("/dashboard/endpoints/we_none/disable", {}, 404),
        ("/dashboard/nothing/like/that", {}, 404),
        ("/dashboard/", {}, 404),
    ],
)
def test_a_button_that_is_not_there_is_404(
    api: StripeApi, path: str, form: dict[str, str], status: int
) -> None:
    assert api.post(path, **form).status_code == status


@pytest.mark.parametrize(
    "form",
    [
        {"amount": "lots"},
        {"amount": "0"},
        {"reason": "because"},
        {"amount": "501"},
        {"money": "1.505"},
        {"money": "0.00"},
        {"money": "-1"},
        {"money": "5.01"},
        {"money": "all"},
    ],
)
def test_a_wrong_field_changes_nothing(api: StripeApi, form: dict[str, str]) -> None:
    session = api.sold()
    answer = api.post(f"/dashboard/payments/{session.payment_intent}/refund", **form)
    assert answer.status_code == 400
    assert api.charge(session).amount_refunded == 0


def test_part_of_a_payment_can_be_disputed_and_won(api: StripeApi) -> None:
    session = api.sold()
    press(api, f"payments/{session.payment_intent}/dispute", money="1.50")
    (dispute,) = api.v1.disputes.list({"payment_intent": session.payment_intent}).data
    assert (dispute.amount, dispute.status) == (150, "needs_response")
    press(api, f"disputes/{dispute.id}/win")
    assert api.v1.disputes.retrieve(dispute.id).status == "won"


# The whole API


def test_while_it_is_away_the_api_does_nothing(fresh: StripeApi) -> None:
    assert "The API is away." in press(fresh, "api", away="on")
    answer = requests.post(f"{fresh.url}/v1/customers", auth=(SECRET_KEY, ""), timeout=10)
    assert (answer.status_code, answer.json()["error"]["type"]) == (503, "api_error")
    press(fresh, "api")
    assert fresh.v1.customers.list().data == []


def test_while_it_is_mute_the_api_does_its_work_and_hangs_up(fresh: StripeApi) -> None:
    assert "The API is mute." in press(fresh, "api", mute="on")
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{fresh.url}/v1/customers", auth=(SECRET_KEY, ""), timeout=10)
    press(fresh, "api")
    assert len(fresh.v1.customers.list().data) == 1
