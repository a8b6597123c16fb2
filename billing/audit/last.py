"""What the last audit of everything found, for `/metrics`: to sum up all balances takes as long as an audit."""

from __future__ import annotations

from typing import Final

from django.utils import timezone

from billing.models import LastAudit
from credits_site.metrics import ask_when_read

_ONE: Final = 1


def note(outstanding: int) -> None:
    """Note that an audit has just ended, and how many credits it found."""
    found = {"at": timezone.now(), "outstanding": outstanding}
    LastAudit.objects.update_or_create(pk=_ONE, defaults=found)


def _outstanding() -> dict[str, float]:
    last = LastAudit.objects.first()
    return {} if last is None else {"": last.outstanding}


def _at() -> dict[str, float]:
    last = LastAudit.objects.first()
    return {"": 0 if last is None else last.at.timestamp()}  # who never audits should hear of it too


ask_when_read(
    "credits_outstanding", "Credits of all members together when they were last audited.", ask=_outstanding
)
ask_when_read("credits_audit_timestamp_seconds", "When all members were last audited; 0 for never.", ask=_at)
