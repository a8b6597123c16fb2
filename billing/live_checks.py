"""What `manage.py doctor` asks Stripe. All of it only reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import islice
from typing import Any, Final

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning
from django.urls import reverse

from billing.checks import check_packs
from billing.errors import StripeError, StripeRefused
from billing.money import money_text
from billing.packs import Pack, packs
from billing.stripe_api import catalog, checkouts, setup, webhooks
from billing.stripe_api.client import livemode
from billing.stripe_api.setup import StripeAccount
from billing.stripe_api.webhooks import WebhookEndpoint
from billing.webhook import EVENTS
from credits_site.security import checkout_origins, origin_of
from instant_admin.live_checks import LIVE, compare_clocks

# Checkouts that are looked at for one that is open.
RECENT: Final = 20


@LIVE.register
def check_stripe(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """The key, the prices and the webhook. Without a key that works, nothing else is asked."""
    asked = datetime.now(UTC)
    try:
        account = setup.account()
    except StripeError as exc:
        yield _failed("Stripe key", exc)
        # A restricted one works without this permission.
        if not isinstance(exc, StripeRefused) or exc.status != HTTPStatus.FORBIDDEN:
            return
    else:
        yield _check_key(account)
        yield from _check_name(account)
        yield compare_clocks("Stripe's clock", account.server_time, asked=asked, answered=datetime.now(UTC))
    yield from _check_prices()
    for name, check in _CHECKS.items():
        try:
            yield from check()
        except StripeError as exc:
            yield _failed(name, exc)


def _check_checkout() -> Iterator[CheckMessage]:
    """Browsers are let through to where Stripe sends buyers: held against the newest checkout that is open."""
    open_ones = (checkout.url for checkout in islice(checkouts.list_all(), RECENT) if checkout.url)
    for origin in {origin_of(url) for url in open_ones} - set(checkout_origins()):
        hint = f"Set CHECKOUT_ORIGINS={origin}"
        text = f"buyers are sent to {origin}, and no browser follows there from a form of ours"
        yield Error(text, hint=hint, obj="Checkout", id="billing.E116")


def _check_tax() -> Iterator[CheckMessage]:
    """What the settings promise of tax, the account can do. Of the address of the terms, Stripe tells nothing."""
    if settings.CHECKOUT_AUTOMATIC_TAX and not setup.tax_is_set_up():
        hint = "Set it up in Stripe's dashboard, Settings, Tax, or turn CHECKOUT_AUTOMATIC_TAX off."
        text = "Stripe Tax is not set up, so nothing can be bought"
        yield Error(text, hint=hint, obj="Tax", id="billing.E117")


def _check_key(account: StripeAccount) -> CheckMessage:
    """It is the right one for where it is used."""
    live, name = livemode(), "Stripe key"
    if live and settings.DEBUG:
        hint = "Use a test key (sk_test_), or turn DEBUG off."
        return Error("a live key is used with DEBUG on", hint=hint, obj=name, id="billing.E101")
    if not account.can_charge:
        text = f"the account {account.id} cannot take payments yet"
        hint = "Finish the account's activation in Stripe's dashboard."
        if live:
            return Error(text, hint=hint, obj=name, id="billing.E102")
        return Warning(text, hint=hint, obj=name, id="billing.W102")
    if not live and not settings.DEBUG:
        text = f"a test key of {account.id}: nobody is charged"
        hint = "Before selling, use the live key (sk_live_) and live prices; then run this again."
        return Warning(text, hint=hint, obj=name, id="billing.W103")
    return Info(f"a {'live' if live else 'test'} key of {account.id}", obj=name)


def _check_name(account: StripeAccount) -> Iterator[CheckMessage]:
    """Stripe's page can say who sells."""
    if not account.is_named:
        hint = "Set the name of the business in Stripe's dashboard, Settings, Business."
        text = f"the account {account.id} has no name, so nothing can be bought"
        yield Error(text, hint=hint, obj="Stripe key", id="billing.E118")


def _check_permissions() -> Iterator[CheckMessage]:
    """A restricted key may do what the site does, as far as looking can tell."""
    if names := setup.unreadable():
        hint = "Give it the permissions that docs/deploy.md lists, or use a secret key."
        text = f"the key is a restricted one and may not read {', '.join(names)}"
        yield Error(text, hint=hint, obj="Permissions", id="billing.E119")


def _check_prices() -> Iterator[CheckMessage]:
    """Every pack can be sold. Not asked while the setting itself is wrong: its own check says so."""
    if not any(check_packs(None)):
        yield from map(_check_price, packs())


def _check_price(pack: Pack) -> CheckMessage:
    name = f"{pack.price_id} ({pack.name})"
    try:
        price = catalog.retrieve(pack.price_id)
    except StripeError as exc:
        return _failed("Prices", exc)
    if price.faults:
        hint = (
            "Unarchive it in Stripe's dashboard, or name an active one-time price in the settings; "
            "test and live mode each have their own."
        )
        text = f"{name} cannot be sold: {', '.join(price.faults)}"
        return Error(text, hint=hint, obj="Prices", id="billing.E107")
    least = catalog.LEAST_CHARGED.get(price.currency, 0)
    if 0 < price.unit_amount < least:
        text = f"{name} costs less than {money_text(least, price.currency)}, which is the least that Stripe charges"
        return Error(text, hint="Raise its price.", obj="Prices", id="billing.E120")
    return Info(f"{name} can be sold", obj="Prices")


def _check_webhook() -> Iterator[CheckMessage]:
    """Stripe tells this site about what it must know. Only warns: `stripe listen` needs no endpoint."""
    address = settings.SITE_URL + reverse("billing:webhook")
    ours = [each for each in webhooks.endpoints() if each.url.rstrip("/").endswith(address)]
    if not ours:
        hint = "Run `manage.py stripe_setup --site https://<host>`. On your own machine, run `stripe listen`."
        text = f"no endpoint at {address} is registered"
        yield Warning(text, hint=hint, obj="Webhook", id="billing.W108")
    # A second endpoint that is not good may belong to another copy of the site.
    good = [endpoint for endpoint in ours if endpoint.is_enabled and not _missing(endpoint)]
    yield from map(_check_endpoint, good or ours)
    for stray in setup.astray(settings.SITE_URL) if settings.SITE_URL else ():
        hint = f"Change its address to {address} in Stripe's dashboard, or delete it."
        yield Warning(f"nothing of ours answers at {stray.url}", hint=hint, obj="Webhook", id="billing.W115")


def _check_endpoint(endpoint: WebhookEndpoint) -> CheckMessage:
    missing = _missing(endpoint)
    if not endpoint.is_enabled:
        hint = "Run `manage.py stripe_setup` with --site, then `manage.py reconcile_credits`."
        return Warning(f"{endpoint.url} is disabled", hint=hint, obj="Webhook", id="billing.W109")
    if missing:
        text = f"{endpoint.url} does not get {', '.join(sorted(missing))}"
        hint = "Run `manage.py stripe_setup` with --site; it adds them."
        return Warning(text, hint=hint, obj="Webhook", id="billing.W110")
    return Info(f"{endpoint.url} gets all {len(EVENTS)} events", obj="Webhook")


def _missing(endpoint: WebhookEndpoint) -> frozenset[str]:
    return frozenset() if "*" in endpoint.events else EVENTS - endpoint.events


def _failed(name: str, exc: StripeError) -> CheckMessage:
    match exc:
        case StripeRefused(status=HTTPStatus.FORBIDDEN):
            text = "the key is a restricted one and may not look"
            return Warning(text, hint=exc.hint, obj=name, id="billing.W113")
        case StripeRefused():
            return Error(exc.said, hint=exc.hint, obj=name, id="billing.E114")
        case _:
            hint = "Check the network and STRIPE_API_BASE, then run this again."
            return Error(str(exc), hint=hint, obj=name, id="billing.E111")


# Asked one after another, whatever comes of those before.
_CHECKS: Final = {
    "Permissions": _check_permissions,
    "Webhook": _check_webhook,
    "Checkout": _check_checkout,
    "Tax": _check_tax,
}
