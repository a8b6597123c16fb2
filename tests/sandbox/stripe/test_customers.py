"""Customers, through the real client."""

import pytest
import stripe

from tests.drivers.stripe_api import StripeDriver


def test_a_customer_is_what_it_was_made_with(driver: StripeDriver) -> None:
    made = driver.v1.customers.create(
        {
            "email": "ada@example.com",
            "name": "Ada",
            "metadata": {"member": "7"},
            "address": {"city": "London"},
        }
    )
    found = driver.v1.customers.retrieve(made.id)
    assert found.id.startswith("cus_")
    assert (found.email, found.name, found.metadata["member"]) == ("ada@example.com", "Ada", "7")
    assert (found.address.city, found.address.country) == ("London", None)
    assert (found.created, found.livemode) == (driver.clock.now, False)


def test_metadata_is_merged_and_an_empty_value_deletes_its_key(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({"metadata": {"one": "1", "two": "2"}})
    updated = driver.v1.customers.update(customer.id, {"metadata": {"two": "", "three": "3"}})
    assert updated.metadata.to_dict() == {"one": "1", "three": "3"}
    assert driver.v1.customers.update(customer.id, {"metadata": ""}).metadata.to_dict() == {}


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"k" * 41: "v"}, "40 characters"),
        ({"k": "v" * 501}, "500 characters"),
        ({f"k{n}": "v" for n in range(51)}, "50 keys"),
    ],
)
def test_metadata_has_limits(driver: StripeDriver, metadata: dict[str, str], said: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=said):
        driver.v1.customers.create({"metadata": metadata})


def test_an_empty_string_unsets_a_field(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create(
        {"email": "ada@example.com", "name": "Ada", "address": {"city": "London"}}
    )
    cleared = driver.v1.customers.update(customer.id, {"name": "", "address": ""})
    assert (cleared.name, cleared.address) == (None, None)
    assert driver.v1.customers.retrieve(customer.id).email == "ada@example.com"


def test_an_update_tells_what_it_changed(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({"email": "old@example.com", "name": "Ada"})
    driver.v1.customers.update(customer.id, {"email": "new@example.com", "name": "Ada"})
    event = driver.v1.events.list({"type": "customer.updated", "limit": 1}).data[0]
    assert event.data.previous_attributes.to_dict() == {"email": "old@example.com"}
    assert event.data.object["email"] == "new@example.com"


def test_an_update_that_changes_nothing_is_no_event(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({"name": "Ada"})
    driver.v1.customers.update(customer.id, {"name": "Ada"})
    assert driver.events_about(customer.id) == ["customer.created"]


def test_a_deleted_customer_is_a_stub(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({"email": "gone@example.com"})
    assert driver.v1.customers.delete(customer.id).deleted
    assert driver.v1.customers.retrieve(customer.id).to_dict() == {
        "id": customer.id,
        "object": "customer",
        "deleted": True,
    }
    assert driver.v1.customers.list({"email": "gone@example.com"}).data == []
    assert customer.id not in [found.id for found in driver.v1.customers.list({"limit": 100})]


def test_a_deleted_customer_can_be_neither_changed_nor_deleted_again(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({})
    driver.v1.customers.delete(customer.id)
    for attempt in (driver.v1.customers.update, driver.v1.customers.delete):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            attempt(customer.id)
        assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


def test_a_deleted_customer_cannot_buy(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({})
    driver.v1.customers.delete(customer.id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        driver.session(customer=customer.id)
    error = refused.value
    assert (error.http_status, error.code, error.param) == (400, "resource_missing", "customer")


def test_an_email_is_found_letter_by_letter(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({"email": "Case@example.com"})
    assert [c.id for c in driver.v1.customers.list({"email": "Case@example.com"})] == [customer.id]
    assert driver.v1.customers.list({"email": "case@example.com"}).data == []


def test_what_is_no_email_is_refused(driver: StripeDriver) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        driver.v1.customers.create({"email": "not an email"})
    assert (refused.value.code, refused.value.param) == ("email_invalid", "email")
