"""System checks: what must be set before credits can be sold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error

from billing.packs import packs
from billing.stripe_api.client import LIVE_KEYS, STRIPE_API_BASE


@checks.register
def check_stripe_keys(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """The keys are there and fit the rest of the settings."""
    if not settings.STRIPE_SECRET_KEY.startswith(("sk_", "rk_")):
        yield Error(
            "STRIPE_SECRET_KEY is empty or no secret key, so nothing can be sold.",
            hint="Copy the key that begins with sk_test_ from Stripe's dashboard, Developers.",
            id="billing.E001",
        )
    if not settings.STRIPE_WEBHOOK_SECRETS:
        yield Error(
            "STRIPE_WEBHOOK_SECRET is empty, so the webhook cannot tell Stripe from a stranger.",
            hint="Copy the endpoint's whsec_ value from Stripe, or from `stripe listen`.",
            id="billing.E002",
        )
    if settings.DEBUG and settings.STRIPE_SECRET_KEY.startswith(LIVE_KEYS):
        yield Error(
            "A live Stripe key is used with DEBUG on; an error page would show strangers the settings.",
            hint="Use a test key (sk_test_), or turn DEBUG off.",
            id="billing.E003",
        )


@checks.register(checks.Tags.security)
def check_stripe_address(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """The secret key is sent to Stripe alone."""
    base = settings.STRIPE_API_BASE
    address = urlsplit(base)
    if base == STRIPE_API_BASE:
        return
    if settings.STRIPE_SECRET_KEY.startswith(LIVE_KEYS):
        yield Error(
            "STRIPE_API_BASE is not Stripe's address, and the key is a live one.",
            hint="Remove STRIPE_API_BASE; only a stand-in with a test key needs it.",
            id="billing.E004",
        )
    elif address.scheme != "https" and address.hostname not in ("localhost", "127.0.0.1", "::1"):
        yield Error(
            "STRIPE_API_BASE is not an https address, so the key would travel in the clear.",
            hint="Use https, or a stand-in on this machine.",
            id="billing.E005",
        )


@checks.register(checks.Tags.security, deploy=True)
def check_no_stand_in(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """Nobody sells with a stand-in's key."""
    if settings.STRIPE_API_BASE != STRIPE_API_BASE:
        yield Error(
            "STRIPE_API_BASE is a stand-in's address, so nobody pays for what they get.",
            hint="Remove STRIPE_API_BASE, and use a key from Stripe's dashboard.",
            id="billing.E011",
        )


@checks.register
def check_packs(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """There is something to sell, and it can be read."""
    hint = 'Set STRIPE_PRICE_ID, or CREDIT_PACKS to [{"price": "price_…", "credits": 10, "name": "Ten"}, …].'
    try:
        for_sale = packs()
    except (KeyError, TypeError, ValueError, AttributeError):
        yield Error("CREDIT_PACKS cannot be read.", hint=hint, id="billing.E006")
        return
    if len(for_sale) < len(settings.CREDIT_PACKS):
        yield Error(
            "A pack in CREDIT_PACKS has no Stripe price, so it cannot be sold.",
            hint="Run `manage.py stripe_setup`, and copy the CREDIT_PACKS that it prints.",
            id="billing.E010",
        )
    elif not for_sale:
        yield Error("There is no credit pack to sell.", hint=hint, id="billing.E007")
    if any(pack.credits < 1 for pack in for_sale):
        yield Error("A pack in CREDIT_PACKS has no credits.", hint=hint, id="billing.E008")
    if len({pack.price_id for pack in for_sale}) < len(for_sale):
        yield Error("Two packs in CREDIT_PACKS have one price.", hint=hint, id="billing.E009")


@checks.register
def check_checkout_options(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """What is asked of Stripe's page is something that it can do."""
    if settings.CHECKOUT_BILLING_ADDRESS not in ("", "auto", "required"):
        yield Error(
            "CHECKOUT_BILLING_ADDRESS is none of Stripe's words, so nothing can be bought.",
            hint="Set it to auto or required, or remove it.",
            id="billing.E012",
        )


@checks.register
def check_welcome(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """Nobody begins below zero."""
    if settings.WELCOME_CREDITS < 0:
        yield Error(
            "WELCOME_CREDITS is below zero, so whoever signs in would begin with a debt.",
            hint="Set it to 0, or remove it, to give nothing.",
            id="billing.E013",
        )
