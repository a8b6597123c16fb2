"""The Stripe account and its setup: a price for each pack, and an endpoint that is told what it must know.

Everything is found again before it is made: a price by its lookup key, the endpoint by its address. So it can be
done again at any time, and the second time changes nothing. No price is archived: a buyer may be on Stripe's
page, and a site with the settings of yesterday still names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.http import parse_http_date_safe

from billing.errors import StripeRefused
from billing.money import money_text
from billing.packs import PackPlan
from billing.stripe_api import catalog, webhooks
from billing.stripe_api.catalog import CatalogPrice, NewPrice
from billing.stripe_api.client import asking_stripe
from billing.stripe_api.fields import expanded, read, read_or_none
from billing.stripe_api.webhooks import WebhookEndpoint
from billing.webhook import EVENTS


@dataclass(frozen=True, slots=True)
class StripeAccount:
    """Whose the key is. `server_time` is Stripe's clock when it answered, in whole seconds.

    Without a name, Stripe's page sells nothing.
    """

    id: str
    can_charge: bool
    is_named: bool
    server_time: datetime | None


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


def account() -> StripeAccount:
    """The account that the key belongs to."""
    with asking_stripe() as v1:
        found = v1.accounts.retrieve_current()
    account_id = read(found, "id", str)
    answer = found.last_response
    seconds = None if answer is None else parse_http_date_safe(answer.headers.get("Date", ""))
    return StripeAccount(
        id=account_id,
        can_charge=read(found, "charges_enabled", bool),
        is_named=_is_named(found),
        server_time=None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC),
    )


def _is_named(found: object) -> bool:
    profile, dashboard = (
        expanded(found, "business_profile"),
        expanded(expanded(found, "settings"), "dashboard"),
    )
    names = (read_or_none(profile, "name", str), read_or_none(dashboard, "display_name", str))
    return any(names) or profile is None  # not told


def unreadable() -> list[str]:
    """What the key may not read of all that a sale, its receipt and its refund need, as Stripe's dashboard names it.

    What it may write, Stripe tells nobody.
    """
    with asking_stripe() as v1:
        lists: Mapping[str, Callable[..., object]] = {
            "Checkout Sessions": v1.checkout.sessions.list,
            "Customers": v1.customers.list,
            "PaymentIntents": v1.payment_intents.list,
            "Charges": v1.charges.list,
            "Refunds": v1.refunds.list,
            "Disputes": v1.disputes.list,
            "Invoices": v1.invoices.list,
            "Events": v1.events.list,
            "Early Fraud Warnings": v1.radar.early_fraud_warnings.list,
        }
    return [name for name, ask in lists.items() if not _may(ask)]


def _may(ask: Callable[..., object]) -> bool:
    try:
        with asking_stripe():
            ask({"limit": 1})
    except StripeRefused as exc:
        if exc.status != HTTPStatus.FORBIDDEN:
            raise
        return False
    return True


def tax_is_set_up() -> bool:
    """Whether the account can calculate tax."""
    with asking_stripe() as v1:
        found = v1.tax.settings.retrieve()
    return read(found, "status", str) == "active"


def set_up_packs(plans: Sequence[PackPlan], *, dry_run: bool) -> Iterator[PackSetUp]:
    """Have a price for each pack, and yield it; with `dry_run` only say what would be done. Raises `StripeError`."""
    for plan in plans:
        wanted = NewPrice(
            lookup_key=lookup_key(plan),
            unit_amount=plan.unit_amount,
            currency=plan.currency,
            product_name=plan.name,
            metadata={"app": settings.SHOP_ID, "credits": str(plan.credits)},
        )
        found = catalog.find_price(wanted.lookup_key)
        if found is None or found.unit_amount != wanted.unit_amount:
            made = None if dry_run else catalog.create_price(wanted, instead_of=found)
            changes = [
                _about_new_price(wanted, instead_of=found),
                *_fix_product(found, wanted, dry_run=dry_run),
            ]
            yield PackSetUp(plan, made, changes)
        else:
            yield PackSetUp(plan, found.id, _fix(found, wanted, dry_run=dry_run))


def lookup_key(plan: PackPlan) -> str:
    """The name under which a pack's price is found: one Stripe account can serve several sites."""
    return f"credits:{settings.SHOP_ID}:{plan.credits}:{plan.currency}"


def _about_new_price(wanted: NewPrice, *, instead_of: CatalogPrice | None) -> str:
    costs = money_text(wanted.unit_amount, wanted.currency)
    if instead_of is None:
        return f"a price of {costs} and its product"
    return f"a price of {costs} instead of {instead_of.id}, which stays for sale until you archive it"


def _fix(found: CatalogPrice, wanted: NewPrice, *, dry_run: bool) -> list[str]:
    changes = _fix_product(found, wanted, dry_run=dry_run)
    if not found.is_active:
        if not dry_run:
            catalog.unarchive_price(found.id)
        changes.append("the price is for sale again")
    return changes


def _fix_product(found: CatalogPrice | None, wanted: NewPrice, *, dry_run: bool) -> list[str]:
    if found is None or (found.product_is_active and found.product_name == wanted.product_name):
        return []
    if not dry_run:
        catalog.update_product(found.product_id, name=wanted.product_name)
    return [f"the product is for sale as {wanted.product_name}"]


def set_up_endpoint(site: str, *, dry_run: bool) -> EndpointSetUp:
    """Have Stripe send exactly the events that count to `site`, an address like `https://credits.example.com`.

    With `dry_run` only say what would be done. Raises `StripeError`.
    """
    url = site.rstrip("/") + reverse("billing:webhook")
    found = next((each for each in webhooks.endpoints() if each.url.rstrip("/") == url), None)
    if found is None:
        secret = None if dry_run else webhooks.create_endpoint(url, EVENTS, description="Instant Credits")
        return EndpointSetUp(url, [f"an endpoint for {len(EVENTS)} kinds of events"], secret)
    changes = _about_endpoint(found)
    if changes and not dry_run:
        webhooks.update_endpoint(found.id, EVENTS)
    return EndpointSetUp(url, changes)


def astray(site: str) -> list[WebhookEndpoint]:
    """Endpoints at an address of `site` where nobody listens to Stripe. Raises `StripeError`."""
    host, path = urlsplit(site).netloc, reverse("billing:webhook")
    found = [(each, urlsplit(each.url)) for each in webhooks.endpoints()]
    return [each for each, url in found if url.netloc == host and url.path.rstrip("/") != path]


def _about_endpoint(found: WebhookEndpoint) -> list[str]:
    changes = []
    if missing := EVENTS - found.events:
        changes.append(f"it is told of {', '.join(sorted(missing))}")
    if needless := found.events - EVENTS:
        changes.append(f"it is no longer told of {', '.join(sorted(needless))}")
    if not found.is_enabled:
        changes.append("it is enabled again")
    return changes
