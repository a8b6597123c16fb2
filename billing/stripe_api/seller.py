"""The seller's side of the Stripe account: whose key it is, what is for sale, and who is told what happens.

For `doctor`, which only looks, and `stripe_setup`. Every method raises `StripeUnavailable` when no usable answer
came and `StripeRefused` when Stripe said no.
"""

from __future__ import annotations

from collections.abc import Collection
from email.utils import parsedate_to_datetime
from typing import Any

from billing.stripe_api.client import PAGE_SIZE, StripeConnection
from billing.stripe_api.gateway import gateway
from billing.stripe_api.objects import (
    NewPrice,
    NewWebhookEndpoint,
    ShelfPrice,
    StripeAccount,
    WebhookEndpoint,
    faults_of,
    parsed,
    shelf_price_of,
)


class SellerAccount:
    """One Stripe account as its owner sees it."""

    def __init__(self, connection: StripeConnection) -> None:
        self._v1, self._errors = connection.v1, connection.errors
        self._api_version = connection.api_version

    def account(self) -> StripeAccount:
        """The account that the key belongs to."""
        with self._errors():
            account = self._v1.accounts.retrieve_current()
        answer = account.last_response
        date = None if answer is None else answer.headers.get("Date")
        return StripeAccount(
            id=account.id,
            can_charge=account.charges_enabled is True,
            server_time=parsed(parsedate_to_datetime, date),
        )

    # What is for sale

    def price_faults(self, price_id: str) -> list[str]:
        """Why a price cannot be sold by Checkout, a clause each; empty when it can."""
        with self._errors():
            price = self._v1.prices.retrieve(price_id, {"expand": ["product"]})
        is_archived = not getattr(price.product, "active", True)
        return faults_of(price) + (["its product is archived"] if is_archived else [])

    def price_called(self, lookup_key: str) -> ShelfPrice | None:
        """The price that has this lookup key, archived or not, with its product."""
        wanted: Any = {"lookup_keys": [lookup_key], "expand": ["data.product"], "limit": 1}
        with self._errors():
            found = self._v1.prices.list(wanted).data
        return shelf_price_of(found[0]) if found else None

    def create_price(self, wanted: NewPrice, *, instead_of: ShelfPrice | None) -> str:
        """Make a price, and its product unless it takes over from another price; return its id.

        Stripe never changes the amount of a price, so a new amount is a new price, to which the lookup key goes.
        """
        asked: Any = {
            "currency": wanted.currency,
            "unit_amount": wanted.unit_amount,
            "lookup_key": wanted.lookup_key,
            "metadata": wanted.metadata,
        }
        if instead_of is None:
            asked["product_data"] = {"name": wanted.product_name, "metadata": wanted.metadata}
        else:
            asked |= {"product": instead_of.product_id, "transfer_lookup_key": True}
        # No idempotency key of ours: a lookup key belongs to one price, so there is never a second one of it.
        with self._errors():
            return self._v1.prices.create(asked).id

    def unarchive_price(self, price_id: str) -> None:
        """Have a price for sale again."""
        with self._errors():
            self._v1.prices.update(price_id, {"active": True})

    def update_product(self, product_id: str, *, name: str) -> None:
        """Have a product for sale under this name."""
        with self._errors():
            self._v1.products.update(product_id, {"name": name, "active": True})

    # Who is told

    def webhook_endpoints(self) -> tuple[WebhookEndpoint, ...]:
        """Where Stripe sends this account's events; it allows no more than 16 such places."""
        with self._errors():
            found = self._v1.webhook_endpoints.list({"limit": PAGE_SIZE}).data
        return tuple(
            WebhookEndpoint(
                id=endpoint.id,
                url=endpoint.url,
                is_enabled=endpoint.status == "enabled",
                events=frozenset(endpoint.enabled_events),
            )
            for endpoint in found
        )

    def create_webhook_endpoint(
        self, url: str, events: Collection[str], *, description: str
    ) -> NewWebhookEndpoint:
        """Have events sent to `url`, in the API version that this site's library speaks.

        The secret is told by this answer and never again.
        """
        wanted: Any = {
            "url": url,
            "enabled_events": sorted(events),
            "api_version": self._api_version,
            "description": description,
        }
        with self._errors():
            made = self._v1.webhook_endpoints.create(wanted)
        return NewWebhookEndpoint(id=made.id, secret=made.secret or "")

    def update_webhook_endpoint(self, endpoint_id: str, events: Collection[str]) -> None:
        """Have an endpoint enabled, for exactly these events."""
        wanted: Any = {"enabled_events": sorted(events), "disabled": False}
        with self._errors():
            self._v1.webhook_endpoints.update(endpoint_id, wanted)


def seller() -> SellerAccount:
    """The site's Stripe account, as its owner sees it."""
    return SellerAccount(gateway().connection)
