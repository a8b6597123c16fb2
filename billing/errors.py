"""What can go wrong in buying, by what it means to the buyer."""

from __future__ import annotations

from credits_site.outages import ServiceOutage


class BillingError(Exception):
    """Base of every error of this app."""


class UnknownPack(BillingError):
    """No pack by this price id, or none was named and there are several."""


class PackNotForSale(BillingError):
    """Stripe does not sell this pack any more: its price or its product is archived. Nothing was charged."""


class BadPackPlan(BillingError):
    """The pack of this `number` in `CREDIT_PACKS`, counted from 1, does not say what it is and costs."""

    def __init__(self, number: int) -> None:
        super().__init__(f"pack {number} of CREDIT_PACKS is no plan of a price")
        self.number = number


class UnknownCheckout(BillingError):
    """No such checkout, or not this member's, or not this site's."""


class RequestIdReused(BillingError):
    """This request id was used before, for something else or at another price. Nothing was spent."""


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
    """Stripe said no. `code` and `param` are Stripe's own words for what and where."""

    may_have_been_written = False

    def __init__(self, *, status: int | None, code: str, param: str) -> None:
        super().__init__(f"Stripe refused: HTTP {status} {code} {param}".rstrip())
        self.status = status
        self.code = code
        self.param = param
