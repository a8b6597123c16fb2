"""`manage.py reconcile_credits`: credit what was paid and no webhook delivered, claw back what was refunded."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from billing.attention import finish_withdrawals, look_for_fraud_warnings
from billing.errors import StripeError
from billing.left_mails import send_what_was_left
from billing.reconciliation import reconcile
from billing.reviews import look_at_reviews, note_finding
from billing.sweeping import release_expired
from instant_admin.client.errors import InstantError
from instant_admin.ledger.rules import LedgerError

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


class Command(BaseCommand):
    help = (
        "Hold the ledger against Stripe's checkouts, refunds and disputes, and fix what differs. Safe from "
        "cron, beside a site in use, and twice at once. Exit code 0: nothing to do, or fixed; "
        "1: something needs review, or Stripe or Instant is away."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        window = parser.add_mutually_exclusive_group()
        window.add_argument(
            "--since",
            type=_time_ago,
            default=timedelta(hours=72),
            metavar="AGE",
            help="look at what was bought, paid, refunded or disputed since: 90m, 72h (the default), 30d",
        )
        window.add_argument("--all", action="store_true", help="look at everything there is")
        parser.add_argument("--dry-run", action="store_true", help="say what is missing and write nothing")

    def handle(self, *, since: timedelta, dry_run: bool, **options: Any) -> None:
        start = None if options["all"] else datetime.now(UTC) - since
        counts: Counter[str] = Counter()
        # The bar is for a terminal; where there is none, it does not even count.
        with tqdm(desc="Checkouts", unit="", disable=None, leave=False) as bar:

            def look() -> None:
                counts["looked at"] += 1
                bar.update()

            try:
                for finding in reconcile(since=start, dry_run=dry_run, looked_at=look):
                    bar.clear()
                    mark = "NEEDS REVIEW: " if finding.needs_review else ""
                    self.stdout.write(f"{mark}{finding.checkout_id} of {finding.member_id}: {finding.text}")
                    counts["need review" if finding.needs_review else "fixed"] += 1
                    if not dry_run:
                        note_finding(finding)
                if not dry_run:
                    look_at_reviews()
                    look_for_fraud_warnings(since=start)
                    finish_withdrawals()
                    counts["released"] = len(list(release_expired()))
                    send_what_was_left()
            except (StripeError, InstantError, LedgerError) as exc:
                raise CommandError(f"Stopped after {counts['looked at']} checkouts: {exc}") from exc
        self.stdout.write(_summary(counts, dry_run=dry_run))
        if counts["need review"]:
            raise CommandError(f"{counts['need review']} checkouts need review")


def _summary(counts: Counter[str], *, dry_run: bool) -> str:
    fixed, needing = counts["fixed"], counts["need review"]
    done = f"{fixed} to fix; dry run, nothing written" if dry_run else f"{fixed} fixed"
    if not fixed and not needing:
        done = "nothing to do"
    doubtful = f", {needing} need review" if needing else ""
    released = f" {counts['released']} expired holds released." if counts["released"] else ""
    return f"{counts['looked at']} checkouts looked at, {done}{doubtful}.{released}"


def _time_ago(text: str) -> timedelta:
    match = re.fullmatch(r"([1-9][0-9]{0,3})([mhd])", text)
    if match is None:
        raise argparse.ArgumentTypeError("a number of at most four digits with m, h or d, such as 72h")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
