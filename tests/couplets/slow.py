"""Ballads: as long as the poet sings, a credit for four lines, at most five."""

from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

from django.utils import timezone

from accounts.members import Member
from billing.products import Product
from billing.spending import Spent, estimate, hold
from instant_admin.client.steps import create, link, update
from instant_admin.client.times import epoch_ms
from instant_admin.client.types import Step
from instant_admin.configured import instant

BALLAD = Product(
    name="ballad",
    namespace="couplets",
    owner="poet",
    noun="ballad",
    bought="Had a ballad sung",
    price=1,
    rate=Decimal("0.25"),
)
LONGEST = 20


def sing_ballad(member: Member, theme: str, request_id: UUID, lines: Iterator[str]) -> Spent:
    """Sing one on `theme`. Raises `OutOfCredits` before the first line, and `HeldBefore` where it is sung already."""

    def steps(row_id: UUID) -> list[Step]:
        row = {"text": "", "createdAt": epoch_ms(timezone.now())}
        return [create("couplets", row_id, row), link("couplets", row_id, {"poet": member.id})]

    most = estimate(BALLAD, LONGEST)
    with hold(
        member=member, product=BALLAD, most=most, request_id=request_id, note=theme, steps=steps
    ) as work:
        sung: list[str] = []
        for line in lines:
            sung.append(line)
            instant().transact([update("couplets", work.item_id, {"draft": "\n".join(sung)}, upsert=False)])
        text = {"text": "\n".join(sung), "draft": ""}
        return work.capture(
            estimate(BALLAD, len(sung)), [update("couplets", work.item_id, text, upsert=False)]
        )
