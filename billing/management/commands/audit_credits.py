"""`manage.py audit_credits`: recompute every balance, and compare the ledger with what was bought and with Stripe."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from billing.audit import last
from billing.audit.account import Violation
from billing.audit.run import Audit
from billing.errors import StripeError, UnknownMember
from billing.products import products
from instant_admin.client.errors import InstantError
from instant_admin.ledger.rules import LedgerError


class Command(BaseCommand):
    help = (
        "Recompute every account from its entries, and compare the ledger with what was bought and with Stripe. "
        "Changes no credits, so it is safe at any time. Exit code 0: all is as it must be; 1: something is not, and "
        "each case is named, or Stripe or Instant is away."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--member", metavar="EMAIL", help="only this member")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, *, member: str | None, as_json: bool, **options: Any) -> None:
        with tqdm(desc="Audited", unit=" rows", disable=None, leave=False) as bar:
            audit = Audit(email=member, looked_at=bar.update)
            found: list[Violation] = []
            try:
                for violation in audit.violations():
                    found.append(violation)
                    if not as_json:
                        bar.clear()
                        self.stdout.write(f"{violation.member}: {violation.entry} {violation.text}.")
            except UnknownMember as exc:
                raise CommandError(str(exc)) from exc
            except (StripeError, InstantError, LedgerError) as exc:
                raise CommandError(f"Stopped before the end: {exc}") from exc
        if member is None:
            last.note(audit.outstanding)
        counts = {name: audit.counts[name] for name in _counted()}
        if as_json:
            self.stdout.write(json.dumps(counts | {"violations": [asdict(each) for each in found]}))
        else:
            self.stdout.write(_summary(audit, len(found)))
        if found:
            raise CommandError(f"{len(found)} violations")


def _counted() -> tuple[str, ...]:
    return ("accounts", "entries", *(product.namespace for product in products()), "checkouts")


def _summary(audit: Audit, violations: int) -> str:
    looked_at = ", ".join(f"{audit.counts[name]} {name}" for name in _counted())
    left = audit.counts["left by deleted members"]
    note = f" {left} entries were left by deleted members, as they should be." if left else ""
    return f"{looked_at} looked at, {violations or 'no'} violations.{note}"
