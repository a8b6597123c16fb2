"""What billing has of a member: their ledger, their Stripe customers, and what they bought."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.dispatch import receiver

from accounts.account.personal_data import Holding, register
from accounts.members import Member
from accounts.signals import member_deleted
from billing.checkout import buyer_of
from billing.history import HistoryEntry, account_of, entries_of
from billing.models import Member as StaffMember
from billing.products import Product, products
from billing.stripe_api import checkouts
from instant_admin.client.admin import Connection
from instant_admin.client.paging import Row, by_age
from instant_admin.client.steps import delete
from instant_admin.client.times import epoch_ms
from instant_admin.configured import instant
from instant_admin.ledger.forgetting import forget_person

DELETED_AT_ONCE: Final = 200


def entry_as_json(entry: HistoryEntry) -> dict[str, str | int]:
    """An entry as its owner gets it. Who of the staff did it is not theirs to know."""
    return {
        "id": str(entry.id),
        "kind": entry.kind,
        "product": entry.product,
        "amount": entry.amount,
        "balance": entry.balance,
        "note": entry.note,
        "createdAt": epoch_ms(entry.created_at),
    }


def _ledger(member: Member) -> dict[str, Any]:
    connection, account = member.at_instant, account_of(member)
    return {
        "balance": account.credits,
        "held": account.held,
        "stripeCustomer": buyer_of(connection, member.id).customer_id,
        "entries": [entry_as_json(entry) | {"reference": entry.ref} for entry in entries_of(member)],
    }


def _forget_in_ledger(member_id: UUID) -> None:
    customer_id = buyer_of(instant(), member_id).customer_id
    if customer_id is not None:
        # The first last: it names the others.
        for each in reversed(checkouts.customers_of_buyer(customer_id)):
            checkouts.delete_customer(each)
    forget_person(instant(), member_id)


@receiver(member_deleted)
def forget_in_admin_log(sender: object, member_id: UUID, **kwargs: object) -> None:
    """The admin's log has the email, and reasons that say who it was. Who did it, and when, stays."""
    about = ContentType.objects.get_for_model(StaffMember)
    logged = LogEntry.objects.filter(content_type=about, object_id=str(member_id))
    logged.update(object_repr="a deleted member", change_message="")


def _bought(member: Member) -> dict[str, Any]:
    return {
        product.namespace: list(_rows_of(member.at_instant, product, member.id)) for product in products()
    }


def _delete_bought(member_id: UUID) -> None:
    for product in products():
        # From the oldest again each time: what is deleted would shift the pages.
        while rows := list(islice(_rows_of(instant(), product, member_id), DELETED_AT_ONCE)):
            instant().transact([delete(product.namespace, row["id"]) for row in rows])


def _rows_of(connection: Connection, product: Product, member_id: UUID) -> Iterator[Row]:
    """What a member has of a product, oldest first."""
    return by_age(connection, product.namespace, [{f"{product.owner}.id": str(member_id)}])


register(Holding(name="credits", export=_ledger, erase=_forget_in_ledger))
register(Holding(name="bought", export=_bought, erase=_delete_bought))
