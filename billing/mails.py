"""The mails that entries of the ledger cause: each once, under a key of the account and the entry's number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.dispatch import receiver
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from accounts.mails.making import link_to
from accounts.mails.queue import send_once
from accounts.mails.wishes import OptionalMail, register
from billing.products import credits_text
from billing.signals import is_low_at
from billing.stripe_api.checkouts import Checkout
from instant_admin.configured import entry_written
from instant_admin.ledger.rules import Entry, Kind

RECEIPTS: Final = OptionalMail(name="receipts", label=_("Receipts of what I buy"))
LOW_BALANCE: Final = OptionalMail(name="low_balance", label=_("When few credits are left"))

# Who gives credits back knows it, and is told so by mails of their own.
_TOLD_OTHERWISE: Final = frozenset[str]({Kind.REFUND, Kind.DISPUTE})

# In the language of the mail.
_credits: Final = lazy(credits_text, str)


@dataclass(frozen=True, slots=True)
class EntryMail:
    """A mail about one entry. `name` is part of its key, and of the name of its template."""

    name: str
    optional: str = ""


RECEIPT: Final = EntryMail("receipt", RECEIPTS.name)
LOW: Final = EntryMail("low", LOW_BALANCE.name)
DISPUTE: Final = EntryMail("dispute")
DISPUTE_WON: Final = EntryMail("dispute_won")
DISPUTE_LOST: Final = EntryMail("dispute_lost")
WITHDRAWAL: Final = EntryMail("withdrawal")

_BY_KIND: Final[dict[str, EntryMail]] = {
    Kind.PURCHASE: RECEIPT,
    Kind.DISPUTE: DISPUTE,
    Kind.DISPUTE_WON: DISPUTE_WON,
}


def mails_of(entry: Entry, *, low_at: int) -> Iterator[EntryMail]:
    """The mails that an entry causes by itself."""
    if entry.kind in _BY_KIND:
        yield _BY_KIND[entry.kind]
    if is_low_at(entry, low_at) and entry.kind not in _TOLD_OTHERWISE:
        yield LOW


def send(mail: EntryMail, entry: Entry, **context: object) -> None:
    """Have a mail about an entry sent, unless that was done before."""
    receipt = entry.ref and link_to("billing:receipt", entry.ref)
    send_once(
        f"mail:{mail.name}:{entry.account_id}:{entry.seq}",
        member_id=entry.account_id,
        template=f"billing/{mail.name}_mail.txt",
        context={
            "entry": entry,
            "amount": _credits(abs(entry.amount)),
            "balance": _credits(entry.owned),
            "link": receipt if mail is RECEIPT else link_to("home"),
            **context,
        },
        optional=mail.optional,
    )


def send_withdrawal(entry: Entry, checkout: Checkout, *, money: str) -> None:
    """Confirm to a buyer that they took back a purchase by `entry`, for that much money."""
    send(WITHDRAWAL, entry, checkout=checkout, money=money)


@receiver(entry_written)
def send_mails_of(*, entry: Entry, **kwargs: Any) -> None:
    """Have the mails sent that an entry causes."""
    for mail in mails_of(entry, low_at=settings.LOW_BALANCE_CREDITS):
        send(mail, entry)


register(RECEIPTS)
register(LOW_BALANCE)
