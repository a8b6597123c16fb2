"""What the admin's front page says of this site: what is open, who is below zero, how webhook and mails do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from accounts.mails.queue import Waiting, waiting
from billing.models import Attention, WebhookAnswer
from credits_site.outages import OUTAGES
from instant_admin.configured import instant


@dataclass(frozen=True, slots=True)
class Desk:
    """`open` has each kind that is open with how many there are. `below_zero` is None while Instant is away."""

    open: Sequence[tuple[Attention.Kind, int]]
    below_zero: int | None
    last_success: WebhookAnswer | None
    last_failure: WebhookAnswer | None
    mails: Waiting

    @property
    def webhook_fails(self) -> bool:
        """Whether the last webhook was not answered well."""
        if self.last_failure is None:
            return False
        return self.last_success is None or self.last_success.at < self.last_failure.at


def desk() -> Desk:
    """What stands now."""
    is_open = (
        Attention.objects.filter(closed_at=None).values_list("kind").annotate(Count("pk")).order_by("kind")
    )
    answers = {answer.is_good: answer for answer in WebhookAnswer.objects.all()}
    return Desk(
        open=[(Attention.Kind(kind), count) for kind, count in is_open],
        below_zero=_below_zero(),
        last_success=answers.get(True),
        last_failure=answers.get(False),
        mails=waiting(),
    )


def _below_zero() -> int | None:
    options: dict[str, Any] = {"where": {"credits": {"$lt": 0}}, "fields": ["id"]}
    try:
        return len(instant().query({"$users": {"$": options}})["$users"])
    except OUTAGES:
        return None
