"""What became of the money of payments: refunds and disputes, and the invoices that are their receipts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from billing.clawback import Payment
from billing.errors import NotInStripe
from billing.stripe_api.client import asking_stripe, page
from billing.stripe_api.fields import (
    address_or_none,
    moment,
    objects,
    objects_of_all_pages,
    read,
    read_or_none,
    reference,
    texts,
)

# What of a refund's metadata says that it is that of a withdrawal.
_WITHDRAWAL: Final = "withdrawal"
_UNDONE_REFUND: Final = frozenset({"failed", "canceled"})
# Open or lost. Not `won`, and not the `warning_…` inquiries and prevented ones, where no money moves.
_HELD_DISPUTE: Final = frozenset(
    {"needs_response", "under_review", "lost", "appeal_needs_response", "appeal_under_review"}
)


@dataclass(frozen=True, slots=True)
class FraudWarning:
    """The bank of a card says that a payment may be fraudulent. `fraud_type` is Stripe's word for how.

    `is_actionable` until the payment is disputed or refunded whole.
    """

    id: str
    fraud_type: str
    is_actionable: bool
    created: datetime


def retrieve(payment_intent_id: str) -> Payment:
    """What became of a payment's money: what was paid, and what of it is refunded or disputed now.

    Sums the refunds that stand rather than follow their events, so neither order nor repetition matters.
    """
    of_it: Any = page() | {"payment_intent": payment_intent_id}
    with asking_stripe() as v1:
        payment = v1.payment_intents.retrieve(payment_intent_id)
        refunds = list(objects_of_all_pages(v1.refunds.list(of_it)))
        disputes = list(objects_of_all_pages(v1.disputes.list(of_it)))
    return Payment(
        paid=read(payment, "amount_received", int),
        refunded=sum(
            read(refund, "amount", int)
            for refund in refunds
            if read_or_none(refund, "status", str) not in _UNDONE_REFUND
        ),
        disputed=sum(
            read(dispute, "amount", int)
            for dispute in disputes
            if read(dispute, "status", str) in _HELD_DISPUTE
        ),
        is_withdrawn=any(_WITHDRAWAL in texts(refund, "metadata") for refund in refunds),
    )


def refund_withdrawal(payment_intent_id: str, *, amount: int, key: str) -> None:
    """Give money back for what a buyer withdraws. `key` names the withdrawal: asked again, it is the same refund.

    Stripe forgets a key after a day, so look before you ask whether it `is_withdrawn`.
    """
    with asking_stripe() as v1:
        made = v1.refunds.create(
            {
                "payment_intent": payment_intent_id,
                "amount": amount,
                "reason": "requested_by_customer",
                "metadata": {_WITHDRAWAL: key},
            },
            {"idempotency_key": key},
        )
    read(made, "id", str)


def refunded_or_disputed(*, since: datetime) -> Iterator[str]:
    """The ids of payments with a refund or a dispute made since then; one may come more than once."""
    wanted: Any = page(since=since)
    with asking_stripe() as v1:
        for kind in (v1.refunds, v1.disputes):
            for each in objects_of_all_pages(kind.list(wanted)):
                payment_id = reference(each, "payment_intent")
                if payment_id is not None:
                    yield payment_id


def fraud_warnings(payment_intent_id: str) -> tuple[FraudWarning, ...]:
    """What banks warn of about a payment, as Stripe has it now."""
    of_it: Any = page() | {"payment_intent": payment_intent_id}
    with asking_stripe() as v1:
        listed = v1.radar.early_fraud_warnings.list(of_it)
    return tuple(
        FraudWarning(
            id=read(warning, "id", str),
            fraud_type=read(warning, "fraud_type", str),
            is_actionable=read(warning, "actionable", bool),
            created=moment(warning, "created"),
        )
        for warning in objects(listed)
    )


def warned_of(*, since: datetime | None) -> Iterator[str]:
    """The ids of payments of which a bank has warned since then, or ever; one may come more than once."""
    wanted: Any = page(since=since)
    with asking_stripe() as v1:
        for warning in objects_of_all_pages(v1.radar.early_fraud_warnings.list(wanted)):
            payment_id = reference(warning, "payment_intent")
            if payment_id is not None:
                yield payment_id


def invoice_page(invoice_id: str) -> str | None:
    """Where the buyer sees and prints an invoice; None until it is final, and when it is deleted.

    The address expires: do not keep it.
    """
    try:
        with asking_stripe() as v1:
            invoice = v1.invoices.retrieve(invoice_id)
    except NotInStripe:
        return None
    read(invoice, "id", str)  # or it is no invoice
    return address_or_none(invoice, "hosted_invoice_url")
