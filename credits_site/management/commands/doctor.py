"""`manage.py doctor`: is everything as it must be before strangers pay?"""

from __future__ import annotations

import json
import shutil
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing import diagnosis as of_stripe
from credits_site import diagnosis as of_site
from instant_admin import diagnosis as of_instant
from instant_admin.findings import Check, Finding, Verdict, diagnose

_WIDEST: Final = 118
_MARK: Final = "→ "


class Command(BaseCommand):
    help = (
        "Look at the settings, the database, the cache, mail, Instant and Stripe, and say what is wrong and what to "
        "do about it. Safe at any time: what it makes to try the rules of Instant is deleted again, and it leaves "
        "no trace. Exit code 0: nothing is wrong, at most to be looked at; 1: something is wrong."
    )
    # They are one of the rows: a wrong setting must not hide the others.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, *, as_json: bool, **options: Any) -> None:
        checks = _checks()
        found: list[Finding] = []
        for finding in diagnose(checks):
            found.append(finding)
            if not as_json:
                self._print(finding, row_width=max(len(check.row) for check in checks))
        counts = Counter(finding.verdict for finding in found)
        if as_json:
            worst = next(verdict for verdict in reversed(Verdict) if counts[verdict])
            self.stdout.write(
                json.dumps({"verdict": worst, "findings": [asdict(finding) for finding in found]})
            )
        else:
            self.stdout.write(_summary(counts))
        if counts[Verdict.WRONG]:
            raise CommandError(f"{counts[Verdict.WRONG]} wrong")

    def _print(self, finding: Finding, *, row_width: int) -> None:
        verdict_width = max(len(verdict) for verdict in Verdict)
        margin = " " * (verdict_width + row_width + 4)
        width = min(shutil.get_terminal_size((_WIDEST, 0)).columns, _WIDEST)
        room = max(width - len(margin), 20)
        lines = textwrap.wrap(finding.finding, room, break_long_words=False, break_on_hyphens=False)
        if finding.remedy:
            lines += textwrap.wrap(
                _MARK + finding.remedy,
                room,
                subsequent_indent=" " * len(_MARK),
                break_long_words=False,
                break_on_hyphens=False,
            )
        verdict = finding.verdict.ljust(verdict_width)
        head = f"{self._painted(finding.verdict, verdict)}  {finding.row.ljust(row_width)}  "
        self.stdout.write(head + f"\n{margin}".join(lines))

    def _painted(self, verdict: Verdict, text: str) -> str:
        if not self.stdout.isatty():
            return text
        paint = {
            Verdict.OK: self.style.SUCCESS,
            Verdict.WARNING: self.style.WARNING,
            Verdict.WRONG: self.style.ERROR,
        }
        return paint[verdict](text)


def _checks() -> Sequence[Check]:
    def now() -> datetime:
        return datetime.now(UTC)

    return (
        *of_site.checks(now=now, new_id=uuid4),
        *of_instant.checks(now=now, new_id=uuid4),
        *of_stripe.checks(now=now),
    )


def _summary(counts: Counter[Verdict]) -> str:
    warnings = counts[Verdict.WARNING]
    return (
        f"{counts[Verdict.OK]} ok, {warnings} {'warning' if warnings == 1 else 'warnings'}, "
        f"{counts[Verdict.WRONG]} wrong."
    )
