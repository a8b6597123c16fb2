"""Which Stripe customer a member is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from instant_admin.client.admin import Connection


@dataclass(frozen=True, slots=True)
class Buyer:
    """A member as a buyer: the id of their Stripe customer, None before they buy, and their email of today."""

    customer_id: str | None
    email: str | None


def buyer_of(connection: Connection, member_id: UUID) -> Buyer:
    """The member as a buyer, read with the rights of `connection`."""
    tree = connection.query({"$users": {"$": {"where": {"id": str(member_id)}}}})
    row: dict[str, Any] = next(iter(tree["$users"]), {})
    return Buyer(customer_id=row.get("stripeCustomerId") or None, email=row.get("email") or None)
