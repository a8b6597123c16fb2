"""Lists: newest first, in pages, with filters."""

from typing import Any

import pytest

from tests.drivers.stripe_api import PRICE, StripeDriver
from tests.sandbox.stripe.harness import refused


@pytest.fixture(scope="module")
def ids(driver: StripeDriver) -> list[str]:
    """Seven customers of one second, newest first."""
    return [driver.v1.customers.create({"name": str(n)}).id for n in range(7)][::-1]


def page(driver: StripeDriver, **wanted: Any) -> tuple[list[str], bool]:
    """The ids of a page, and whether there is more."""
    found = driver.v1.customers.list(wanted)
    return [customer.id for customer in found.data], found.has_more


def test_pages_begin_with_the_newest_and_follow_each_other_both_ways(
    driver: StripeDriver, ids: list[str]
) -> None:
    assert page(driver) == (ids, False)
    assert page(driver, limit=3) == (ids[:3], True)
    assert page(driver, limit=3, starting_after=ids[2]) == (ids[3:6], True)
    assert page(driver, limit=3, starting_after=ids[5]) == (ids[6:], False)
    assert page(driver, limit=3, ending_before=ids[5]) == (ids[2:5], True)
    assert page(driver, limit=3, ending_before=ids[2]) == (ids[:2], False)
    assert page(driver, limit=3, starting_after=ids[6]) == ([], False)
    turned = driver.v1.customers.list({"limit": 2}).auto_paging_iter()
    assert [customer.id for customer in turned] == ids


def test_created_is_a_filter(driver: StripeDriver, ids: list[str]) -> None:
    then = int(driver.clock.now)
    driver.clock.advance(10)
    later = driver.v1.customers.create({}).id
    assert page(driver, created={"gt": then}) == ([later], False)
    assert page(driver, created={"gte": then, "lt": then + 10}) == (ids, False)
    assert page(driver, created=then + 10) == ([later], False)
    driver.v1.customers.delete(later)


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
def test_a_wrong_page_is_refused(driver: StripeDriver, wanted: dict[str, Any], param: str) -> None:
    with refused(param=param):
        page(driver, **wanted)


def test_two_cursors_are_one_too_many(driver: StripeDriver, ids: list[str]) -> None:
    with refused(said="starting_after, ending_before"):
        page(driver, starting_after=ids[0], ending_before=ids[1])


def test_sessions_are_found_for_reconciliation(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({"email": "ada@example.com"}).id
    open_one, paid = driver.session(customer=customer), driver.sold(customer=customer)
    driver.v1.checkout.sessions.expire(driver.session(customer=customer).id)

    def found(**wanted: Any) -> list[str]:
        return [session.id for session in driver.v1.checkout.sessions.list({"customer": customer, **wanted})]

    assert len(found()) == 3
    assert found(status="open") == [open_one.id]
    assert found(status="complete") == [paid.id]
    assert found(payment_intent=paid.payment_intent) == [paid.id]
    assert found(customer_details={"email": "ada@example.com"}) == [paid.id]
    assert found(created={"gt": int(driver.clock.now)}) == []
    assert found(payment_link="plink_1") == found(subscription="sub_1") == found(customer_account="a") == []


def test_lists_can_be_expanded(driver: StripeDriver) -> None:
    paid = driver.sold()
    expand = ["data.line_items", "data.payment_intent.latest_charge"]
    (session,) = driver.v1.checkout.sessions.list({"limit": 1, "expand": expand}).data
    assert (session.id, session.line_items.data[0].quantity) == (paid.id, 1)
    assert session.payment_intent.latest_charge.paid


def test_line_items_have_pages(driver: StripeDriver) -> None:
    session = driver.session(line_items=[{"price": PRICE, "quantity": n} for n in range(1, 13)])
    listed = driver.again(session, "line_items").line_items
    assert ([item.quantity for item in listed.data], listed.has_more) == (list(range(1, 11)), True)
    items = list(listed.auto_paging_iter())
    assert [item.quantity for item in items] == list(range(1, 13))
    back = driver.v1.checkout.sessions.line_items.list(session.id, {"ending_before": items[3].id, "limit": 2})
    assert ([item.quantity for item in back.data], back.has_more) == ([2, 3], True)
