"""What a page needs that offers credits: the packs, the form, and what became of a checkout."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from billing.checkout import LAST_CHECKOUT
from billing.errors import StripeUnavailable
from billing.forms import CheckoutForm
from billing.packs import Offer, offers


def buying(request: HttpRequest) -> dict[str, Any]:
    """The context of `billing/_buy.html` and, for somebody who comes back from Stripe, of `billing/_sync.html`."""
    return {
        "offers": offers_if_readable(),
        "checkout_form": CheckoutForm.recall(request.session, initial=CheckoutForm.fresh()),
        **_returning(request),
    }


def offers_if_readable() -> tuple[Offer, ...] | None:
    """The packs with their prices, or None while Stripe cannot say what they cost; the page works without."""
    try:
        return offers()
    except StripeUnavailable:
        return None


def _returning(request: HttpRequest) -> dict[str, Any]:
    if checkout_id := request.GET.get("session_id"):
        return {"checkout_id": checkout_id, "cancelled": False}
    if request.GET.get("checkout") == "cancelled":
        return {"checkout_id": request.session.get(LAST_CHECKOUT), "cancelled": True}
    return {"checkout_id": None}
