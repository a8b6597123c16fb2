"""`manage.py stripe_setup`: prices for the packs and the webhook endpoint, in one go and as often as you like."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing.errors import BadPackPlan, StripeError
from billing.packs import PackPlan, pack_plans
from billing.stripe_api.client import livemode
from billing.stripe_api.setup import (
    astray,
    lookup_key,
    set_up_endpoint,
    set_up_packs,
    tax_is_set_up,
)

_EXAMPLE = (
    'CREDIT_PACKS=\'[{"credits": 10, "name": "Ten credits", "unit_amount": 500, "currency": "usd"}]\' '
    "(unit_amount in the currency's smallest unit, so 500 is $5.00)"
)


class Command(BaseCommand):
    help = (
        "Have in Stripe what this site needs: a product and a price for each pack of CREDIT_PACKS and, with "
        "--site, the webhook endpoint with exactly the events that count. Prints the lines for .env to standard "
        "output and what it did to standard error. Safe to repeat: what is there is found again, and nothing "
        "is ever deleted or archived."
    )
    # It is what makes the settings complete, so it must run while they are not.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--site",
            type=_site,
            default=settings.SITE_URL or None,
            metavar="URL",
            help="where the site is reached, https://…; sets up the endpoint (SITE_URL)",
        )
        parser.add_argument("--dry-run", action="store_true", help="say what is missing and write nothing")
        parser.add_argument("--live", action="store_true", help="allow a live key, which is about real money")

    def handle(self, *, site: str | None, dry_run: bool, live: bool, **options: Any) -> None:
        _check_key(live=live)
        if live and site is not None and not site.startswith("https://"):
            raise CommandError("Stripe sends live events to https addresses only.")
        try:
            self._set_up_packs(_plans(), dry_run=dry_run)
            if site is None:
                self._say("Webhook: left alone; --site https://… sets it up")
            else:
                self._set_up_endpoint(site, dry_run=dry_run)
            self._check_tax()
        except StripeError as exc:
            said = str(exc).rstrip(".")  # which may be a sentence
            raise CommandError(f"{said}. What was done before that stays; run this again.") from exc
        if dry_run:
            self._say("Dry run, nothing written.")

    def _set_up_packs(self, plans: Sequence[PackPlan], *, dry_run: bool) -> None:
        packs = []
        for pack in set_up_packs(plans, dry_run=dry_run):
            self._report(
                f"{pack.plan.name} ({pack.price_id or 'no price yet'})", pack.changes, dry_run=dry_run
            )
            packs.append({"price": pack.price_id} | asdict(pack.plan))
        if not dry_run:
            self.stdout.write(_env_line("CREDIT_PACKS", json.dumps(packs)))

    def _set_up_endpoint(self, site: str, *, dry_run: bool) -> None:
        endpoint = set_up_endpoint(site, dry_run=dry_run)
        self._report(f"Webhook ({endpoint.url})", endpoint.changes, dry_run=dry_run)
        for stray in astray(site):
            self._say(f"Webhook ({stray.url}): nothing answers there; delete it in Stripe's dashboard")
        if endpoint.secret is not None:
            self.stdout.write(_env_line("STRIPE_WEBHOOK_SECRET", endpoint.secret))
        elif not dry_run:
            self._say("Its signing secret is as it was: see Stripe's dashboard, Developers, Webhooks.")

    def _check_tax(self) -> None:
        if settings.CHECKOUT_AUTOMATIC_TAX and not tax_is_set_up():
            self._say("Tax: not set up, so nothing can be bought. See Stripe's dashboard, Settings, Tax.")

    def _report(self, what: str, changes: Sequence[str], *, dry_run: bool) -> None:
        done = "to do" if dry_run else "done"
        self._say(f"{what}: {done}: {'; '.join(changes)}" if changes else f"{what}: as it should be")

    def _say(self, text: str) -> None:
        # Standard output is for `>> .env`.
        self.stderr.write(text, style_func=str)


def _check_key(*, live: bool) -> None:
    if not settings.STRIPE_SECRET_KEY:
        raise CommandError(
            "STRIPE_SECRET_KEY is empty. Copy it from Stripe's dashboard, Developers, API keys."
        )
    if not settings.SHOP_ID:
        raise CommandError("INSTANT_APP_ID is empty, and the prices are found again by it. Set it first.")
    if livemode() and not live:
        raise CommandError("STRIPE_SECRET_KEY is a live key. Add --live if this is about real money.")
    if live and not livemode():
        raise CommandError("--live goes with a live key (sk_live_), and STRIPE_SECRET_KEY is a test key.")


def _plans() -> Sequence[PackPlan]:
    try:
        plans = pack_plans()
    except BadPackPlan as exc:
        raise CommandError(
            f"Pack {exc.number} of CREDIT_PACKS needs credits, unit_amount and currency, such as {_EXAMPLE}"
        ) from exc
    if not plans:
        raise CommandError(f"CREDIT_PACKS is empty. Say what to sell, such as {_EXAMPLE}")
    if len({lookup_key(plan) for plan in plans}) < len(plans):
        raise CommandError("Two packs of CREDIT_PACKS have the same credits and currency.")
    return plans


def _site(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
        raise argparse.ArgumentTypeError("an address without a path, such as https://credits.example.com")
    return f"{parts.scheme}://{parts.netloc}"


def _env_line(name: str, value: str) -> str:
    """A line that `.env` and a shell both read as it is meant."""
    quoted = value.replace("'", "\\u0027")
    return f"{name}='{quoted}'"
