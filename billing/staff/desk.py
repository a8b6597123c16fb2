"""What the admin's front page says of this site: what is open, who is below zero, how webhook and mails do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from accounts.mails.queue import Waiting, waiting
from billing.attention import ONCE_EVERY, open_by_kind
from billing.models import Attention, WebhookAnswer
from credits_site.outages import OUTAGES
from instant_admin.client.types import Query
from instant_admin.configured import instant
from instant_admin.ledger.entries import ENTRIES, entry_of
from instant_admin.ledger.rules import Kind

# Stripe sends a webhook again after minutes when it was not answered well.
_UNDER_WAY: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Desk:
    """`open` has each kind that is open with how many there are. `below_zero` is None while Instant is away.

    `not_told` is when a purchase was credited of which no webhook has told, by then or since.
    """

    open: Sequence[tuple[Attention.Kind, int]]
    below_zero: int | None
    not_told: datetime | None
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
    answers = {answer.is_good: answer for answer in WebhookAnswer.objects.all()}
    below_zero, bought_at = _in_ledger()
    last_success = answers.get(True)
    return Desk(
        open=[(Attention.Kind(kind), count) for kind, count in sorted(open_by_kind().items()) if count],
        below_zero=below_zero,
        not_told=_not_told(bought_at, last_success, now=timezone.now()),
        last_success=last_success,
        last_failure=answers.get(False),
        mails=waiting(),
    )


def _in_ledger() -> tuple[int | None, datetime | None]:
    """How many balances are below zero, and when the last purchase was credited; nothing while Instant is away."""
    below: Query = {"where": {"credits": {"$lt": 0}}, "fields": ["id"]}
    bought: Query = {"where": {"kind": Kind.PURCHASE}, "order": {"serverCreatedAt": "desc"}, "limit": 1}
    try:
        tree = instant().query({"$users": {"$": below}, ENTRIES: {"$": bought}})
        newest = [entry_of(row).created_at for row in tree[ENTRIES]]
    except OUTAGES:
        return None, None
    return len(tree["$users"]), newest[0] if newest else None


def _not_told(
    bought_at: datetime | None, last_success: WebhookAnswer | None, *, now: datetime
) -> datetime | None:
    """A purchase may be credited before its webhook comes, when its buyer is back first: then that is under way."""
    if bought_at is None or bought_at > now - _UNDER_WAY:
        return None
    is_told = last_success is not None and last_success.at > bought_at - ONCE_EVERY
    return None if is_told else bought_at
