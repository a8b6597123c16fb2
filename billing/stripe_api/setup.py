"""Setting up a Stripe account for this site: a price for each pack, and an endpoint that is told what it must know.

Everything is found again before it is made: a price by its lookup key, the endpoint by its address. So it can be
done again at any time, and the second time changes nothing. What is for sale is never taken off the shelf: a
buyer may be on Stripe's page, and a site with the settings of yesterday still names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.urls import reverse

from billing.money import money_text
from billing.packs import PackPlan
from billing.stripe_api.objects import NewPrice, ShelfPrice, WebhookEndpoint
from billing.stripe_api.seller import seller
from billing.webhook import EVENTS


@dataclass(frozen=True, slots=True)
class PackSetUp:
    """A pack and its price; `price_id` is None only in a dry run. `changes` are sentences, none if all was well."""

    plan: PackPlan
    price_id: str | None
    changes: Sequence[str]


@dataclass(frozen=True, slots=True)
class EndpointSetUp:
    """Where Stripe tells this site what happens. `secret` is there when the endpoint was made just now."""

    url: str
    changes: Sequence[str]
    secret: str | None = field(default=None, repr=False)


def set_up_packs(plans: Sequence[PackPlan], *, dry_run: bool) -> Iterator[PackSetUp]:
    """Have a price for each pack, and yield it; with `dry_run` only say what would be done. Raises `StripeError`."""
    for plan in plans:
        wanted = NewPrice(
            lookup_key=lookup_key(plan),
            unit_amount=plan.unit_amount,
            currency=plan.currency,
            product_name=plan.name,
            metadata={"app": settings.INSTANT_APP_ID, "credits": str(plan.credits)},
        )
        found = seller().price_called(wanted.lookup_key)
        if found is None or found.unit_amount != wanted.unit_amount:
            made = None if dry_run else seller().create_price(wanted, instead_of=found)
            changes = [
                _about_new_price(wanted, instead_of=found),
                *_mend_product(found, wanted, dry_run=dry_run),
            ]
            yield PackSetUp(plan, made, changes)
        else:
            yield PackSetUp(plan, found.id, _mend(found, wanted, dry_run=dry_run))


def lookup_key(plan: PackPlan) -> str:
    """The name under which a pack's price is found: one Stripe account can serve several sites."""
    return f"credits:{settings.INSTANT_APP_ID}:{plan.credits}:{plan.currency}"


def _about_new_price(wanted: NewPrice, *, instead_of: ShelfPrice | None) -> str:
    costs = money_text(wanted.unit_amount, wanted.currency)
    if instead_of is None:
        return f"a price of {costs} and its product"
    return f"a price of {costs} instead of {instead_of.id}, which stays for sale until you archive it"


def _mend(found: ShelfPrice, wanted: NewPrice, *, dry_run: bool) -> list[str]:
    changes = _mend_product(found, wanted, dry_run=dry_run)
    if not found.is_active:
        if not dry_run:
            seller().unarchive_price(found.id)
        changes.append("the price is for sale again")
    return changes


def _mend_product(found: ShelfPrice | None, wanted: NewPrice, *, dry_run: bool) -> list[str]:
    if found is None or (found.product_is_active and found.product_name == wanted.product_name):
        return []
    if not dry_run:
        seller().update_product(found.product_id, name=wanted.product_name)
    return [f"the product is for sale as {wanted.product_name}"]


def set_up_endpoint(site: str, *, dry_run: bool) -> EndpointSetUp:
    """Have Stripe send exactly the events that count to `site`, an address like `https://credits.example.com`.

    With `dry_run` only say what would be done. Raises `StripeError`.
    """
    url = site.rstrip("/") + reverse("billing:webhook")
    found = next((each for each in seller().webhook_endpoints() if each.url == url), None)
    if found is None:
        made = (
            None if dry_run else seller().create_webhook_endpoint(url, EVENTS, description="Instant Credits")
        )
        secret = None if made is None else made.secret
        return EndpointSetUp(url, [f"an endpoint for {len(EVENTS)} kinds of events"], secret)
    changes = _about_endpoint(found)
    if changes and not dry_run:
        seller().update_webhook_endpoint(found.id, EVENTS)
    return EndpointSetUp(url, changes)


def _about_endpoint(found: WebhookEndpoint) -> list[str]:
    changes = []
    if missing := EVENTS - found.events:
        changes.append(f"it is told of {', '.join(sorted(missing))}")
    if needless := found.events - EVENTS:
        changes.append(f"it is no longer told of {', '.join(sorted(needless))}")
    if not found.is_enabled:
        changes.append("it is enabled again")
    return changes
