"""Lists: newest first, in pages, with filters."""

from typing import Any

import pytest
import stripe

from tests.sandbox.stripe.till import Till


@pytest.fixture(scope="module")
def ids(till: Till) -> list[str]:
    """Seven customers of one second, newest first."""
    return [till.v1.customers.create({"name": str(n)}).id for n in range(7)][::-1]


def page(till: Till, **wanted: Any) -> tuple[list[str], bool]:
    """The ids of a page, and whether there is more."""
    found = till.v1.customers.list(wanted)
    return [customer.id for customer in found.data], found.has_more


def test_the_newest_come_first(till: Till, ids: list[str]) -> None:
    assert page(till) == (ids, False)
    assert page(till, limit=3) == (ids[:3], True)


def test_pages_follow_each_other_both_ways(till: Till, ids: list[str]) -> None:
    assert page(till, limit=3, starting_after=ids[2]) == (ids[3:6], True)
    assert page(till, limit=3, starting_after=ids[5]) == (ids[6:], False)
    assert page(till, limit=3, ending_before=ids[5]) == (ids[2:5], True)
    assert page(till, limit=3, ending_before=ids[2]) == (ids[:2], False)
    assert page(till, limit=3, starting_after=ids[6]) == ([], False)


def test_the_real_client_turns_the_pages(till: Till, ids: list[str]) -> None:
    found = till.v1.customers.list({"limit": 2}).auto_paging_iter()
    assert [customer.id for customer in found] == ids


def test_created_is_a_filter(till: Till, ids: list[str]) -> None:
    then = int(till.clock.now)
    till.clock.advance(10)
    later = till.v1.customers.create({}).id
    assert page(till, created={"gt": then}) == ([later], False)
    assert page(till, created={"gte": then, "lt": then + 10}) == (ids, False)
    assert page(till, created=then + 10) == ([later], False)
    till.v1.customers.delete(later)


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
def test_a_wrong_page_is_refused(till: Till, wanted: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        page(till, **wanted)
    assert refused.value.param == param


def test_two_cursors_are_one_too_many(till: Till, ids: list[str]) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="starting_after, ending_before"):
        page(till, starting_after=ids[0], ending_before=ids[1])


def test_sessions_are_found_for_reconciliation(till: Till) -> None:
    customer = till.v1.customers.create({"email": "ada@example.com"}).id
    open_one, paid = till.session(customer=customer), till.sold(customer=customer)
    till.v1.checkout.sessions.expire(till.session(customer=customer).id)

    def found(**wanted: Any) -> list[str]:
        return [session.id for session in till.v1.checkout.sessions.list({"customer": customer, **wanted})]

    assert len(found()) == 3
    assert found(status="open") == [open_one.id]
    assert found(status="complete") == [paid.id]
    assert found(payment_intent=paid.payment_intent) == [paid.id]
    assert found(customer_details={"email": "ada@example.com"}) == [paid.id]
    assert found(created={"gt": int(till.clock.now)}) == []
    assert found(payment_link="plink_1") == found(subscription="sub_1") == found(customer_account="a") == []


def test_lists_can_be_expanded(till: Till) -> None:
    paid = till.sold()
    listed = till.v1.checkout.sessions.list(
        {"limit": 1, "expand": ["data.line_items", "data.payment_intent.latest_charge"]}
    )
    (session,) = listed.data
    assert (session.id, session.line_items.data[0].quantity) == (paid.id, 1)
    assert session.payment_intent.latest_charge.paid


def test_line_items_have_pages(till: Till) -> None:
    session = till.session(line_items=[{"price": "price_ten", "quantity": n} for n in range(1, 13)])
    listed = till.again(session, "line_items").line_items
    assert ([item.quantity for item in listed.data], listed.has_more) == (list(range(1, 11)), True)
    items = list(listed.auto_paging_iter())
    assert [item.quantity for item in items] == list(range(1, 13))
    back = till.v1.checkout.sessions.line_items.list(session.id, {"ending_before": items[3].id, "limit": 2})
    assert ([item.quantity for item in back.data], back.has_more) == ([2, 3], True)
