"""What a page needs that offers credits: the packs, the form, and what became of a checkout."""

from __future__ import annotations

import json
import time
from functools import lru_cache
from typing import Any

from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from billing import last_checkout
from billing.errors import StripeUnavailable
from billing.forms import MOST_PACKS_AT_ONCE, CheckoutForm, Returned
from billing.packs import Offer, best_value, offers


def unconfirmed_text(*, asks_again: bool) -> str:
    """What to tell of a payment on its way; with `asks_again`, the page asks for it by itself."""
    if asks_again:
        return _("Stripe has not confirmed the payment yet. We keep asking.")
    return _(
        "Stripe has not confirmed the payment yet. "
        "Some ways to pay take days: your credits arrive by themselves as soon as it does."
    )


def buying(request: HttpRequest) -> dict[str, Any]:
    """The context of `billing/_buy.html` and, for somebody who left for Stripe, of `billing/_sync.html`."""
    found = offers_if_readable()
    return {
        "offers": found,
        "choices": _choices(found or (), get_language()),
        "checkout_form": CheckoutForm.recall(request.session, initial=CheckoutForm.fresh()),
        **_returning(request),
    }


def offers_if_readable() -> tuple[Offer, ...] | None:
    """The packs with their prices, or None while Stripe cannot say what they cost; the page works without."""
    try:
        return offers()
    except StripeUnavailable:
        return None


@lru_cache(maxsize=64)
def _choices(found: tuple[Offer, ...], language: str | None) -> list[dict[str, Any]]:
    """The packs to choose from, in the active language; `totals` says what each quantity comes to, from one on."""
    quantities = range(1, MOST_PACKS_AT_ONCE + 1)
    return [
        {
            "offer": offer,
            "is_best": offer == best_value(found),
            "totals": json.dumps([offer.total_text(quantity) for quantity in quantities]),
        }
        for offer in found
    ]


def _returning(request: HttpRequest) -> dict[str, Any]:
    """The checkout to ask about, after `delay_s` seconds. Unasked and without a `message` it is hidden meanwhile."""
    if checkout_id := request.GET.get("session_id"):
        return {"checkout_id": checkout_id, "returned": "", "delay_s": 0}
    if request.GET.get("checkout") == "cancelled":
        return {
            "checkout_id": last_checkout.kept(request.session),
            "returned": Returned.CANCELLED,
            "delay_s": 0,
        }
    due = last_checkout.due(request.session, now_s=time.time())
    if last_checkout.is_pending(request.session):
        # Stands there until it is decided, whether it is time to ask again or not.
        return {
            "checkout_id": last_checkout.kept(request.session),
            "returned": Returned.UNASKED,
            "message": unconfirmed_text(asks_again=False),
            "delay_s": None if due is None else 0,
        }
    return {"checkout_id": due, "returned": Returned.UNASKED, "delay_s": 0}
