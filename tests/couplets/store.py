"""Couplets: two lines for three credits."""

from uuid import UUID

from django.utils import timezone

from accounts.members import Member
from billing.products import Product
from billing.spending import spend
from instant_admin.client.steps import create, link
from instant_admin.client.times import epoch_ms
from instant_admin.client.types import Step

COUPLET = Product(
    name="couplet", namespace="couplets", owner="poet", noun="couplet", bought="Wrote a couplet", price=3
)


def write_couplet(member: Member, theme: str, request_id: UUID) -> None:
    """Write a couplet on `theme`, once for each `request_id`. Raises what `spend` raises."""

    def steps(row_id: UUID) -> list[Step]:
        row = {"text": f"{theme} above,\n{theme} below", "createdAt": epoch_ms(timezone.now())}
        return [create("couplets", row_id, row), link("couplets", row_id, {"poet": member.id})]

    spend(member=member, product=COUPLET, request_id=request_id, note=theme, steps=steps)
