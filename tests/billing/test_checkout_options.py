"""What Stripe's page does besides taking a payment: tax, tax ids, address, terms, language."""

from __future__ import annotations

import pytest
from django.test import override_settings

from accounts.members import Member
from billing.errors import SellingPaused
from billing.fulfilment import Outcome, sync_checkout
from billing.live_checks import check_stripe
from billing.stripe_api.checkouts import CheckoutOptions
from tests.drivers.site import TEN, LoopbackSite

EVERYTHING = {
    "CHECKOUT_AUTOMATIC_TAX": True,
    "CHECKOUT_TAX_IDS": True,
    "CHECKOUT_BILLING_ADDRESS": "required",
    "CHECKOUT_TERMS": True,
    "CHECKOUT_TERMS_TEXT": "I accept the [terms](https://credits.test/terms).",
    "CHECKOUT_LOCALE": "de",
}


def set_up_tax(site: LoopbackSite) -> None:
    """Have the account calculate tax."""
    form = {"defaults[tax_behavior]": "exclusive", "head_office[address][country]": "US"}
    assert site.ask("/v1/tax/settings", method="POST", **form)["status"] == "active"


def test_by_default_stripe_is_asked_for_nothing_of_it(site: LoopbackSite, ada: Member) -> None:
    assert CheckoutOptions().parameters == {}
    session = site.session(site.open_checkout(ada))
    assert (session["automatic_tax"]["enabled"], session["consent_collection"]) == (False, None)
    assert (session["billing_address_collection"], session["locale"]) == (None, None)


@override_settings(**EVERYTHING)
def test_every_setting_is_the_parameter_of_its_name(site: LoopbackSite, ada: Member) -> None:
    set_up_tax(site)
    session = site.session(site.open_checkout(ada))
    assert session["automatic_tax"]["enabled"] is True
    assert session["tax_id_collection"]["enabled"] is True
    assert session["billing_address_collection"] == "required"
    assert session["consent_collection"]["terms_of_service"] == "required"
    assert "credits.test" in session["custom_text"]["terms_of_service_acceptance"]["message"]
    assert session["locale"] == "de"


@override_settings(**EVERYTHING)
def test_nobody_pays_who_has_not_ticked_the_terms(site: LoopbackSite, ada: Member) -> None:
    set_up_tax(site)
    checkout_id = site.open_checkout(ada)
    with pytest.raises(AssertionError, match="Accept the terms"):
        site.pay(checkout_id)
    assert sync_checkout(checkout_id, member=ada).outcome is Outcome.PENDING
    site.buy(ada, terms_of_service="accepted")
    site.deliver_all()
    assert site.credits(ada) == 10


@pytest.mark.parametrize(("refunded", "left"), [(300, 5), (599, 1), (600, 0)])
@override_settings(CHECKOUT_AUTOMATIC_TAX=True)
def test_with_tax_a_refund_takes_its_share_of_what_was_paid_with_tax(
    site: LoopbackSite, ada: Member, refunded: int, left: int
) -> None:
    set_up_tax(site)
    checkout_id = site.buy(ada)
    session = site.session(checkout_id)
    assert (session["amount_subtotal"], session["amount_total"]) == (500, 600)
    site.deliver_all()
    site.refund(checkout_id, refunded)
    site.deliver_all()
    assert site.credits(ada) == left


@override_settings(CHECKOUT_AUTOMATIC_TAX=True, DEBUG=True, STRIPE_PRICE_ID=TEN.price_id, CREDIT_PACKS=[])
def test_an_account_without_tax_sells_nothing_and_doctor_says_so(site: LoopbackSite, ada: Member) -> None:
    with pytest.raises(SellingPaused):
        site.open_checkout(ada)
    assert ["Settings, Tax" in (each.hint or "") for each in check_stripe(None) if each.obj == "Tax"] == [
        True
    ]
    set_up_tax(site)
    site.open_checkout(ada)
    assert [each for each in check_stripe(None) if each.obj == "Tax"] == []
