"""What `manage.py doctor` finds: one verdict for each row, and the remedy where there is something to mend.

Each app has its own checks in its `diagnosis.py`; the command only collects and prints.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias

logger = logging.getLogger(__name__)

Now: TypeAlias = Callable[[], datetime]

# Stripe's signatures are refused when they are 300 s old: by then it is too late to say so.
SKEW_TO_WATCH: Final = timedelta(seconds=60)
SKEW_TO_MEND: Final = timedelta(seconds=240)


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one row, in a clause, and what to do about it unless all is well."""

    row: str
    verdict: Verdict
    finding: str
    remedy: str = ""


def ok(row: str, finding: str) -> Finding:
    """All is well."""
    return Finding(row, Verdict.OK, finding)


def warning(row: str, finding: str, remedy: str) -> Finding:
    """Works, but should be looked at before strangers pay."""
    return Finding(row, Verdict.WARNING, finding, remedy)


def wrong(row: str, finding: str, remedy: str) -> Finding:
    """Does not work, or is not safe."""
    return Finding(row, Verdict.WRONG, finding, remedy)


@dataclass(frozen=True, slots=True)
class Check:
    """One row. `look` finds out; it is not asked while a row that it `needs` is wrong."""

    row: str
    look: Callable[[], Iterable[Finding]]
    needs: tuple[str, ...] = ()


def diagnose(checks: Sequence[Check]) -> Iterator[Finding]:
    """The findings of every check, in order. A check that crashes is a finding too, and stops no other."""
    blind: set[str] = set()
    for check in checks:
        missing = next((row for row in check.needs if row in blind), None)
        if missing is not None:
            blind.add(check.row)
            yield warning(check.row, "not looked at", f"Mend “{missing}” first, then run this again.")
            continue
        for finding in _looked(check):
            if finding.verdict is Verdict.WRONG:
                blind.add(finding.row)
            yield finding


def _looked(check: Check) -> Iterator[Finding]:
    try:
        yield from check.look()
    except Exception as exc:
        # Whatever it is, the person at the terminal must see the other rows.
        logger.debug("The check of %s failed", check.row, exc_info=True)
        # Not the message: nobody knows what an unforeseen error quotes.
        remedy = "Nobody foresaw this. Run it again with LOG_LEVEL=DEBUG to see where it happened."
        yield wrong(check.row, f"the check itself failed ({type(exc).__name__})", remedy)


def compare_clocks(row: str, theirs: datetime | None, *, asked: datetime, answered: datetime) -> Finding:
    """How far our clock is from that of a server that said its time between `asked` and `answered`."""
    if theirs is None:
        return warning(row, "the server does not say its time", "Have this machine's clock set by NTP.")
    # Its header is in whole seconds, so half of one passed since on average.
    skew = asked + (answered - asked) / 2 - (theirs + timedelta(milliseconds=500))
    # A slow answer leaves as much doubt.
    certain = max(abs(skew) - (answered - asked) / 2, timedelta(0))
    seconds = round(skew.total_seconds())
    if certain <= SKEW_TO_WATCH:
        return ok(row, f"within {max(abs(seconds), 1)} s of ours")
    direction = "ahead" if seconds > 0 else "behind"
    remedy = "Have the clocks set by NTP: what is signed more than 300 s ago is refused."
    verdict = wrong if certain > SKEW_TO_MEND else warning
    return verdict(row, f"this machine's clock is {abs(seconds)} s {direction}", remedy)
