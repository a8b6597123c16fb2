"""The dashboard: what it shows and which buttons it has."""

import pytest

from tests.sandbox.stripe.till import DECLINED, DISPUTED, Till


def test_it_shows_what_happened(till: Till) -> None:
    session = till.session(metadata={"member": "7", "note": "<b>bold</b>"}, customer_email="ada@example.com")
    till.pay(session, DECLINED)
    page = till.get("/dashboard/").text
    for text in (session.id, "ada@example.com", "member", "declined", "payment intent.payment failed"):
        assert text.replace("payment intent.payment failed", "payment_intent.payment_failed") in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<b>bold" not in page
    assert "http://shop.test/webhook" in page


def test_it_has_a_button_for_all_that_can_happen_next(till: Till) -> None:
    open_one, sold, disputed = till.session(), till.sold(), till.sold(DISPUTED)
    refund = till.v1.refunds.create({"payment_intent": sold.payment_intent, "amount": 100})
    waiting = till.session()
    till.pay(waiting, None, payment_method="bank_debit_ok")
    debit = till.again(waiting).payment_intent
    dispute = till.v1.disputes.list({"payment_intent": disputed.payment_intent}).data[0]
    page = till.get("/dashboard/").text
    for path in (
        f"sessions/{open_one.id}/expire",
        f"payments/{sold.payment_intent}/refund",
        f"payments/{sold.payment_intent}/dispute",
        f"payments/{debit}/settle",
        f"payments/{debit}/fail",
        f"refunds/{refund.id}/fail",
        f"disputes/{dispute.id}/win",
        f"disputes/{dispute.id}/lose",
        "delivery",
    ):
        assert f'action="/dashboard/{path}"' in page


def test_its_buttons_are_plain_forms(till: Till) -> None:
    session = till.sold()
    path = f"/dashboard/payments/{session.payment_intent}/refund"
    answer = till.post(path, amount="150", reason="duplicate")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/dashboard/#{session.payment_intent}")
    assert till.charge(session).amount_refunded == 150
    assert till.post(path, amount="").status_code == 303
    assert till.charge(session).refunded
    open_one = till.session()
    till.post(f"/dashboard/sessions/{open_one.id}/expire")
    assert till.again(open_one).status == "expired"


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/dashboard/payments/pi_none/refund", {}, 404),
        ("/dashboard/sessions/cs_test_none/expire", {}, 404),
        ("/dashboard/nothing/like/that", {}, 404),
        ("/dashboard/", {}, 404),
    ],
)
def test_a_button_that_is_not_there_is_404(till: Till, path: str, form: dict[str, str], status: int) -> None:
    assert till.post(path, **form).status_code == status


@pytest.mark.parametrize(
    "form", [{"amount": "lots"}, {"amount": "0"}, {"reason": "because"}, {"amount": "501"}]
)
def test_a_wrong_field_changes_nothing(till: Till, form: dict[str, str]) -> None:
    session = till.sold()
    answer = till.post(f"/dashboard/payments/{session.payment_intent}/refund", **form)
    assert answer.status_code == 400
    assert till.charge(session).amount_refunded == 0


def test_the_root_leads_to_it(till: Till) -> None:
    assert till.get("/").headers["Location"] == "/dashboard/"
    assert till.get("/assets/sandbox.css").headers["Content-Type"].startswith("text/css")
