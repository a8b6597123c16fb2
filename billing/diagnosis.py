"""What `manage.py doctor` asks Stripe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from billing.errors import StripeError, StripeRefused, StripeUnavailable
from billing.packs import Pack, packs
from billing.stripe_api import catalog, setup, webhooks
from billing.stripe_api.client import livemode
from billing.stripe_api.webhooks import WebhookEndpoint
from billing.webhook import EVENTS
from instant_admin.findings import Check, Finding, Now, compare_clocks, ok, warning, wrong

KEY: Final = "Stripe key"
CLOCK: Final = "Stripe's clock"
PRICES: Final = "Prices"
WEBHOOK: Final = "Webhook"


def checks(*, now: Now) -> tuple[Check, ...]:
    """The rows about Stripe. All of them only read."""
    return (
        Check(KEY, look_at_key),
        Check(CLOCK, lambda: look_at_clock(now), needs=(KEY,)),
        Check(PRICES, look_at_prices, needs=(KEY,)),
        Check(WEBHOOK, look_at_webhook, needs=(KEY,)),
    )


def look_at_key() -> Iterator[Finding]:
    """Stripe knows the key, and it is the right one for where it is used."""
    try:
        account = setup.account()
    except StripeError as exc:
        yield _failed(KEY, exc)
        return
    live = livemode()
    if live and settings.DEBUG:
        remedy = "Use a test key (sk_test_), or turn DEBUG off."
        yield wrong(KEY, "a live key is used with DEBUG on", remedy)
    elif not account.can_charge:
        remedy = "Finish the account's activation in Stripe's dashboard."
        verdict = wrong if live else warning
        yield verdict(KEY, f"the account {account.id} cannot take payments yet", remedy)
    elif not live and not settings.DEBUG:
        remedy = "Before selling, use the live key (sk_live_) and live prices; then run this again."
        yield warning(KEY, f"a test key of {account.id}: nobody is charged", remedy)
    else:
        yield ok(KEY, f"a {'live' if live else 'test'} key of {account.id}")


def look_at_clock(now: Now) -> Iterator[Finding]:
    """Stripe's clock and ours agree."""
    asked = now()
    try:
        theirs = setup.account().server_time
        yield compare_clocks(CLOCK, theirs, asked=asked, answered=now())
    except StripeError as exc:
        yield _failed(CLOCK, exc)


def look_at_prices() -> Iterator[Finding]:
    """Every pack can be sold."""
    try:
        for_sale = packs()
    except (KeyError, TypeError, ValueError, AttributeError):
        yield wrong(PRICES, "CREDIT_PACKS cannot be read", "Mend it as the row about settings says.")
        return
    if not for_sale:
        yield wrong(PRICES, "there is nothing to sell", "Set CREDIT_PACKS and run `manage.py stripe_setup`.")
    for pack in for_sale:
        yield _price_of(pack)


def _price_of(pack: Pack) -> Finding:
    try:
        faults = catalog.price_faults(pack.price_id)
    except StripeRefused as exc:
        if exc.code == "resource_missing":
            remedy = "Copy the price's id from Stripe's dashboard; test and live mode each have their own."
            return wrong(PRICES, f"{pack.price_id} ({pack.name}) is unknown to Stripe in this mode", remedy)
        return _failed(PRICES, exc)
    except StripeError as exc:
        return _failed(PRICES, exc)
    if faults:
        remedy = "Unarchive it in Stripe's dashboard, or name an active one-time price in the settings."
        return wrong(PRICES, f"{pack.price_id} ({pack.name}) cannot be sold: {', '.join(faults)}", remedy)
    return ok(PRICES, f"{pack.price_id} ({pack.name}) can be sold")


def look_at_webhook() -> Iterator[Finding]:
    """Stripe tells this site about what it must know. Only warns: `stripe listen` needs no endpoint."""
    path = reverse("billing:webhook")
    try:
        ours = [each for each in webhooks.endpoints() if urlsplit(each.url).path.endswith(path)]
    except StripeError as exc:
        yield _failed(WEBHOOK, exc)
        return
    if not ours:
        remedy = (
            "Run `manage.py stripe_setup --site https://<host>`. On your own machine, run `stripe listen`."
        )
        yield warning(WEBHOOK, f"no endpoint at {path} is registered", remedy)
        return
    yield from (_endpoint(each) for each in _best_of(ours))


def _best_of(endpoints: Sequence[WebhookEndpoint]) -> Sequence[WebhookEndpoint]:
    """The good ones if there are any; a second endpoint may belong to another copy of the site."""
    good = [endpoint for endpoint in endpoints if endpoint.is_enabled and not _missing(endpoint)]
    return good or endpoints


def _endpoint(endpoint: WebhookEndpoint) -> Finding:
    missing = _missing(endpoint)
    if not endpoint.is_enabled:
        remedy = "Run `manage.py stripe_setup` with --site, then `manage.py reconcile_credits`."
        return warning(WEBHOOK, f"{endpoint.url} is disabled", remedy)
    if missing:
        remedy = "Run `manage.py stripe_setup` with --site; it adds them."
        return warning(WEBHOOK, f"{endpoint.url} does not get {_listed(missing)}", remedy)
    return ok(WEBHOOK, f"{endpoint.url} gets all {len(EVENTS)} events")


def _missing(endpoint: WebhookEndpoint) -> frozenset[str]:
    return frozenset() if "*" in endpoint.events else EVENTS - endpoint.events


def _listed(events: frozenset[str]) -> str:
    return ", ".join(sorted(events))


def _failed(row: str, exc: StripeError) -> Finding:
    match exc:
        case StripeUnavailable():
            return wrong(row, str(exc), "Check the network and STRIPE_API_BASE, then run this again.")
        case StripeRefused(status=HTTPStatus.UNAUTHORIZED):
            remedy = "Copy the secret key from Stripe's dashboard, Developers, API keys."
            return wrong(row, "Stripe does not know STRIPE_SECRET_KEY", remedy)
        case StripeRefused(status=HTTPStatus.FORBIDDEN):
            remedy = "Let the restricted key read it, or look for yourself in Stripe's dashboard."
            return warning(row, "the key is a restricted one and may not look", remedy)
        case _:
            return wrong(row, str(exc), "Look into Stripe's dashboard, Developers, Logs.")
