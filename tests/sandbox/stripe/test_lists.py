"""Lists: newest first, in pages, with filters."""

from typing import Any

import pytest
import stripe

from tests.drivers.stripe_api import StripeApi


@pytest.fixture(scope="module")
def ids(api: StripeApi) -> list[str]:
    """Seven customers of one second, newest first."""
    return [api.v1.customers.create({"name": str(n)}).id for n in range(7)][::-1]


def page(api: StripeApi, **wanted: Any) -> tuple[list[str], bool]:
    """The ids of a page, and whether there is more."""
    found = api.v1.customers.list(wanted)
    return [customer.id for customer in found.data], found.has_more


def test_the_newest_come_first(api: StripeApi, ids: list[str]) -> None:
    assert page(api) == (ids, False)
    assert page(api, limit=3) == (ids[:3], True)


def test_pages_follow_each_other_both_ways(api: StripeApi, ids: list[str]) -> None:
    assert page(api, limit=3, starting_after=ids[2]) == (ids[3:6], True)
    assert page(api, limit=3, starting_after=ids[5]) == (ids[6:], False)
    assert page(api, limit=3, ending_before=ids[5]) == (ids[2:5], True)
    assert page(api, limit=3, ending_before=ids[2]) == (ids[:2], False)
    assert page(api, limit=3, starting_after=ids[6]) == ([], False)


def test_the_real_client_turns_the_pages(api: StripeApi, ids: list[str]) -> None:
    found = api.v1.customers.list({"limit": 2}).auto_paging_iter()
    assert [customer.id for customer in found] == ids


def test_created_is_a_filter(api: StripeApi, ids: list[str]) -> None:
    then = int(api.clock.now)
    api.clock.advance(10)
    later = api.v1.customers.create({}).id
    assert page(api, created={"gt": then}) == ([later], False)
    assert page(api, created={"gte": then, "lt": then + 10}) == (ids, False)
    assert page(api, created=then + 10) == ([later], False)
    api.v1.customers.delete(later)


@pytest.mark.parametrize(
    ("wanted", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"starting_after": "cus_none"}, "starting_after"),
        ({"created": "yesterday"}, "created"),
        ({"created": {"since": 5}}, "created[since]"),
    ],
)
def test_a_wrong_page_is_refused(api: StripeApi, wanted: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        page(api, **wanted)
    assert refused.value.param == param


def test_two_cursors_are_one_too_many(api: StripeApi, ids: list[str]) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="starting_after, ending_before"):
        page(api, starting_after=ids[0], ending_before=ids[1])


def test_sessions_are_found_for_reconciliation(api: StripeApi) -> None:
    customer = api.v1.customers.create({"email": "ada@example.com"}).id
    open_one, paid = api.session(customer=customer), api.sold(customer=customer)
    api.v1.checkout.sessions.expire(api.session(customer=customer).id)

    def found(**wanted: Any) -> list[str]:
        return [session.id for session in api.v1.checkout.sessions.list({"customer": customer, **wanted})]

    assert len(found()) == 3
    assert found(status="open") == [open_one.id]
    assert found(status="complete") == [paid.id]
    assert found(payment_intent=paid.payment_intent) == [paid.id]
    assert found(customer_details={"email": "ada@example.com"}) == [paid.id]
    assert found(created={"gt": int(api.clock.now)}) == []
    assert found(payment_link="plink_1") == found(subscription="sub_1") == found(customer_account="a") == []


def test_lists_can_be_expanded(api: StripeApi) -> None:
    paid = api.sold()
    listed = api.v1.checkout.sessions.list(
        {"limit": 1, "expand": ["data.line_items", "data.payment_intent.latest_charge"]}
    )
    (session,) = listed.data
    assert (session.id, session.line_items.data[0].quantity) == (paid.id, 1)
    assert session.payment_intent.latest_charge.paid


def test_line_items_have_pages(api: StripeApi) -> None:
    session = api.session(line_items=[{"price": "price_ten", "quantity": n} for n in range(1, 13)])
    listed = api.again(session, "line_items").line_items
    assert ([item.quantity for item in listed.data], listed.has_more) == (list(range(1, 11)), True)
    items = list(listed.auto_paging_iter())
    assert [item.quantity for item in items] == list(range(1, 13))
    back = api.v1.checkout.sessions.line_items.list(session.id, {"ending_before": items[3].id, "limit": 2})
    assert ([item.quantity for item in back.data], back.has_more) == ([2, 3], True)
