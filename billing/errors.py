"""What can go wrong in buying, by what it means to the buyer."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from credits_site.outages import ServiceOutage


class BillingError(Exception):
    """Base of every error of this app."""


class UnknownPack(BillingError):
    """No pack by this price id, or none was named and there are several."""


class BadPackPlan(BillingError):
    """The pack of this `number` in `CREDIT_PACKS`, counted from 1, does not say what it is and costs."""

    def __init__(self, number: int) -> None:
        super().__init__(f"pack {number} of CREDIT_PACKS is no plan of a price")
        self.number = number


class UnknownCheckout(BillingError):
    """No such checkout, or not this member's, or not this site's."""


class RequestIdReused(BillingError):
    """This request id was used before, for something else or at another price. Nothing was spent."""


class HoldEnded(BillingError):
    """The credits that were held for this work went back before it was done. Nothing was paid."""


class UnknownMember(BillingError):
    """No such member."""


class BadWebhook(BillingError):
    """The request is not an event from Stripe. `reason` may be shown to whoever sent it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class StripeError(BillingError, ServiceOutage):
    """Base of what Stripe answers, or does not."""

    may_have_been_written = True


class StripeUnavailable(StripeError):
    """No answer, a 5xx, or a rate limit: the same call may work later."""


class StripeRefused(StripeError):
    """Stripe said no, and goes on saying so until the seller does what `hint` says.

    `said` has Stripe's own words for it, `status` among them, and the request's id in Stripe's log.
    `stripe_api/refusals.py` decides which refusal is one of the kinds below.
    """

    is_final = True
    may_have_been_written = False

    def __init__(
        self, *, status: int | None, code: str, param: str, request_id: str = "", hint: str = ""
    ) -> None:
        self.said = " ".join(filter(None, ("Stripe refused: HTTP", str(status), code, param, request_id)))
        super().__init__(f"{self.said}. {hint}".rstrip())
        self.status = status
        self.hint = hint


class NotInStripe(StripeRefused):
    """Stripe has nothing by this id: it is deleted, mistyped, another account's, or of the other mode."""


class PackNotForSale(StripeRefused):
    """Stripe does not sell this price any more, as when it is archived. Nothing was charged."""


class OrderTooLarge(StripeRefused):
    """Stripe takes no single payment of this amount. Nothing was charged."""


class EmailRefused(StripeRefused):
    """Stripe does not take this for an email."""


class InvoiceRefused(StripeRefused):
    """This account, or this currency, cannot have an invoice made of a checkout."""


class CurrencyRefused(StripeRefused):
    """This customer pays in another currency, and Stripe does not combine two of them on one customer."""


class SellingPaused(StripeError):
    """Stripe refuses to sell, for a reason that only the seller can mend. Nothing was charged."""

    is_final = True
    may_have_been_written = False
    told = gettext_noop(
        "Selling is paused, and nothing was charged. Trying again does not help: "
        "we have to put something right first."
    )


class PaymentUnconfirmed(StripeError):
    """Stripe refuses to say what became of a payment, for a reason that only the seller can mend."""

    is_final = True
    told = gettext_noop(
        "We cannot ask Stripe about this payment until we have put something right, so trying again does not help. "
        "If you have paid, you need not pay again: the credits are added then."
    )
