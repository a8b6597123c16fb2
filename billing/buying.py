"""What a page needs that offers credits: the packs, the form, and what became of a checkout."""

from __future__ import annotations

import time
from typing import Any

from django.http import HttpRequest

from billing import last_checkout
from billing.errors import StripeUnavailable
from billing.forms import CheckoutForm, Returned
from billing.packs import Offer, offers


def buying(request: HttpRequest) -> dict[str, Any]:
    """The context of `billing/_buy.html` and, for somebody who left for Stripe, of `billing/_sync.html`."""
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
        return {"checkout_id": checkout_id, "returned": ""}
    if request.GET.get("checkout") == "cancelled":
        return {"checkout_id": last_checkout.kept(request.session), "returned": Returned.CANCELLED}
    return {
        "checkout_id": last_checkout.due(request.session, now_s=time.time()),
        "returned": Returned.UNASKED,
    }
