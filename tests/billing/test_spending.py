"""What a product calls: one price for what was asked, and one thing for each request id."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured

from accounts.members import Member
from billing import products
from billing.products import Product, register
from billing.spending import OutOfCredits, RequestIdReused, Spent, spend
from instant_admin.client.types import Step
from tests.drivers.site import LoopbackSite, haiku

BY_THE_WORD = Product(
    name="ode",
    namespace="haikus",
    owner="author",
    noun="ode",
    bought="Wrote an ode",
    price=lambda note: len(note.split()),
)


@pytest.fixture
def rich(site: LoopbackSite) -> Member:
    """A member with five credits."""
    return site.member(credits=5)


def write(member: Member, request_id: UUID, **changed: Any) -> Spent:
    def steps(row_id: UUID) -> list[Step]:
        return haiku(row_id, member.id)

    asked: dict[str, Any] = {"product": BY_THE_WORD, "note": "the old pond"} | changed
    return spend(member=member, request_id=request_id, steps=steps, **asked)


def test_a_price_may_follow_from_what_was_asked(site: LoopbackSite, rich: Member) -> None:
    assert write(rich, uuid4()).credits == 2
    with pytest.raises(OutOfCredits) as refused:
        write(rich, uuid4(), note="a frog jumps in")
    assert (refused.value.needed, refused.value.balance) == (4, 2)


def test_the_same_request_is_the_same_row_with_the_balance_of_today(site: LoopbackSite, rich: Member) -> None:
    request_id = uuid4()
    first = write(rich, request_id)
    write(rich, uuid4(), note="frog")
    assert write(rich, request_id) == Spent(first.item_id, credits=1, replayed=True)


@pytest.mark.parametrize(
    "changed",
    [
        {"note": "the new pond"},
        {"product": replace(BY_THE_WORD, price=1)},
        {"product": replace(BY_THE_WORD, name="elegy")},
    ],
    ids=["note", "price", "product"],
)
def test_a_request_id_is_for_one_thing(site: LoopbackSite, rich: Member, changed: dict[str, Any]) -> None:
    request_id = uuid4()
    write(rich, request_id)
    with pytest.raises(RequestIdReused):
        write(rich, request_id, **changed)
    with pytest.raises(OutOfCredits):
        write(site.member(), request_id)
    assert site.credits(rich) == 2


def test_two_products_cannot_have_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "_registered", {})
    register(BY_THE_WORD)
    register(BY_THE_WORD)  # Django may be ready twice
    with pytest.raises(ImproperlyConfigured):
        register(replace(BY_THE_WORD, noun="elegy"))
