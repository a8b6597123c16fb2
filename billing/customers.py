"""Which Stripe customer a member is."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from instant_admin.client import Connection


def customer_of(connection: Connection, member_id: UUID) -> str | None:
    """The id of the member's Stripe customer, read with the rights of `connection`; None before they buy."""
    tree = connection.query({"$users": {"$": {"where": {"id": str(member_id)}}}})
    row: dict[str, Any] = next(iter(tree["$users"]), {})
    return row.get("stripeCustomerId") or None
