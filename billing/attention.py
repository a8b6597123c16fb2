"""What staff should look at. A note says where to look; it moves no credits, and nothing is done by itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Q
from django.utils import timezone

from billing import mails
from billing.checkout import is_ours
from billing.errors import SellingPaused, StripeRefused, UnknownCheckout
from billing.fulfilment import NEEDS_REVIEW, claw_back_keys, purchase_key, settle, withdrawal_key
from billing.models import Attention, WebhookAnswer
from billing.stripe_api import checkouts, payments
from billing.stripe_api.checkouts import Checkout
from billing.withdrawals import NotWithdrawable, WithdrawalChanged, repay_who_left, withdrawn_by
from credits_site.metrics import ask_when_read
from credits_site.outages import OUTAGES
from instant_admin.configured import balance_store
from instant_admin.ledger.entries import NoSuchAccount

logger = logging.getLogger(__name__)

_SELLING: Final = "selling"
ONCE_EVERY: Final = timedelta(minutes=1)
_DETAIL_LENGTH: Final = 255


def note_fraud_warnings(checkout: Checkout) -> None:
    """Note what banks warn of about the payment of a checkout of ours, and close what was refunded or disputed since.

    Reads the warnings from Stripe as they are now, so their events may come twice and in any order. A note that
    is closed stays so. Raises `StripeError`.
    """
    if checkout.payment_intent_id is None or checkout.member_id is None:
        return
    for warning in payments.fraud_warnings(checkout.payment_intent_id):
        noted, is_new = Attention.objects.get_or_create(
            about=warning.id,
            defaults={
                "kind": Attention.Kind.FRAUD_WARNING,
                "detail": warning.fraud_type,
                "payment_id": checkout.payment_intent_id,
                "checkout_id": checkout.id,
                "member_id": checkout.member_id,
                "raised_at": warning.created,
            },
        )
        if is_new:
            logger.warning("Checkout %s: its bank warns of fraud (%s)", checkout.id, warning.fraud_type)
        if not warning.is_actionable:
            close(noted)


def look_for_fraud_warnings(*, since: datetime | None) -> None:
    """The same for what no webhook told: warnings raised since then, or all, and those that are still open here."""
    still_open = Attention.objects.filter(kind=Attention.Kind.FRAUD_WARNING, closed_at=None)
    for payment_id in {*payments.warned_of(since=since), *still_open.values_list("payment_id", flat=True)}:
        try:
            checkout = checkouts.of_payment(payment_id)
        except UnknownCheckout:
            continue  # not made by a checkout, so not ours
        if is_ours(checkout):
            note_fraud_warnings(checkout)


@contextmanager
def withdrawing(checkout: Checkout, *, member_id: UUID, money: str) -> Iterator[None]:
    """Note a withdrawal for `money` before it begins; it is closed at its end, also by `finish_withdrawals`."""
    noted, _ = Attention.objects.update_or_create(
        about=withdrawal_key(checkout.id),
        defaults={
            "kind": Attention.Kind.WITHDRAWAL,
            "detail": money,
            "payment_id": checkout.payment_intent_id or "",
            "checkout_id": checkout.id,
            "member_id": member_id,
            "raised_at": timezone.now(),
            "closed_at": None,
        },
    )
    try:
        yield
    except (NotWithdrawable, WithdrawalChanged):  # it has not begun
        close(noted)
        raise
    close(noted)


def finish_withdrawals() -> None:
    """Settle and confirm every withdrawal that was begun and not ended. Raises what `settle` raises.

    What cannot be ended stays open until staff close it; the log says why.
    """
    for noted in Attention.objects.filter(kind=Attention.Kind.WITHDRAWAL, closed_at=None):
        try:
            _finish_withdrawal(checkouts.retrieve(noted.checkout_id), money=noted.detail)
        except (UnknownCheckout, StripeRefused, *NEEDS_REVIEW) as exc:
            logger.error("Checkout %s: its withdrawal cannot be finished: %s", noted.checkout_id, exc)
        else:
            close(noted)


def _finish_withdrawal(checkout: Checkout, *, money: str) -> None:
    try:
        settle(checkout)
    except NoSuchAccount:  # deleted meanwhile: nobody is there to be told, but the money may be owed
        repay_who_left(checkout)
        return
    withdrawn = withdrawn_by(checkout.id)
    if withdrawn is not None:
        mails.send_withdrawal(withdrawn, checkout, money=money)


def note_review(checkout_id: str, problem: str, *, member_id: UUID | None, payment_id: str = "") -> None:
    """Note that a paid checkout needs review because of `problem`; without one, close what was noted of it."""
    about = f"review:{checkout_id}"
    if not problem:
        _close_about(about)
        return
    ids = {"checkout_id": checkout_id, "member_id": member_id, "payment_id": payment_id}
    _note(about, Attention.Kind.REVIEW, problem, **ids)


@contextmanager
def selling_noted() -> Iterator[None]:
    """Note when a checkout cannot be started because selling is paused, and close that when one can."""
    try:
        yield
    except SellingPaused as exc:
        _note(_SELLING, Attention.Kind.SELLING_PAUSED, str(exc))
        raise
    _close_about(_SELLING)


@contextmanager
def webhook_noted() -> Iterator[None]:
    """Note how a webhook is answered, at most once a minute each.

    One that Stripe has not signed is nobody's failure: everybody can send them. A wrong signing secret here shows in
    purchases that no webhook follows.
    """
    try:
        yield
    except OUTAGES as exc:
        _note_answer(is_good=False, detail=f"{type(exc).__name__}: {exc}")
        raise
    _note_answer(is_good=True)


def _note_answer(*, is_good: bool, detail: str = "") -> None:
    now = timezone.now()
    answer = {"at": now, "detail": detail[:_DETAIL_LENGTH]}
    last, _ = WebhookAnswer.objects.get_or_create(is_good=is_good, defaults=answer)
    if last.at < now - ONCE_EVERY:
        WebhookAnswer.objects.filter(pk=last.pk).update(**answer)


def _note(about: str, kind: Attention.Kind, detail: str, **ids: Any) -> None:
    """Note something once. What was closed is opened again, unless somebody has looked at just this."""
    seen = {"kind": kind, "detail": detail[:_DETAIL_LENGTH], "raised_at": timezone.now(), **ids}
    noted, is_new = Attention.objects.get_or_create(about=about, defaults=seen)
    if not is_new:
        closed = Attention.objects.filter(pk=noted.pk).exclude(closed_at=None)
        looked_at = Q(detail=seen["detail"]) & ~Q(closed_by="")
        closed.exclude(looked_at).update(**seen, closed_at=None, closed_by="")


def _close_about(about: str) -> None:
    for noted in Attention.objects.filter(about=about, closed_at=None):
        close(noted)


def open_by_kind() -> dict[str, int]:
    """How many matters of each kind are open."""
    counted = Attention.objects.filter(closed_at=None).values_list("kind").annotate(Count("pk"))
    return dict.fromkeys(Attention.Kind.values, 0) | dict(counted)


ask_when_read(
    "credits_attention_open", "Matters that need the attention of staff.", label="kind", ask=open_by_kind
)


def close(noted: Attention, *, by: str = "") -> bool:
    """Close a note; `by` is the name of who looked at it, empty when it settled itself. False if it was closed."""
    still_open = Attention.objects.filter(pk=noted.pk, closed_at=None)
    return bool(still_open.update(closed_at=timezone.now(), closed_by=by))


def left_of_purchase(checkout_id: str) -> int | None:
    """How many credits a full refund of a checkout would take back now; None if it was never credited."""
    found = balance_store().entries([purchase_key(checkout_id), *claw_back_keys(checkout_id)])
    return sum(entry.amount for entry in found.values()) if purchase_key(checkout_id) in found else None
