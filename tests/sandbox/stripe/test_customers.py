"""Customers, through the real client."""

import pytest

from tests.drivers.stripe_api import StripeDriver
from tests.sandbox.stripe.harness import newest_event, refused


def test_a_customer_is_what_it_was_made_with_until_an_empty_text_unsets_a_field(driver: StripeDriver) -> None:
    given = {"email": "ada@example.com", "name": "Ada", "metadata": {"member": "7"}}
    made = driver.v1.customers.create(given | {"address": {"city": "London"}})
    found = driver.v1.customers.retrieve(made.id)
    assert found.id.startswith("cus_")
    assert (found.email, found.name, found.metadata["member"]) == ("ada@example.com", "Ada", "7")
    assert (found.address.city, found.address.country) == ("London", None)
    assert (found.created, found.livemode) == (driver.clock.now, False)
    driver.v1.customers.update(made.id, {"name": "", "address": ""})
    cleared = driver.v1.customers.retrieve(made.id)
    assert (cleared.name, cleared.address, cleared.email) == (None, None, "ada@example.com")


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
    with refused(said=said):
        driver.v1.customers.create({"metadata": metadata})


def test_an_update_tells_what_it_changed_if_it_changed_something(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({"email": "old@example.com", "name": "Ada"})
    driver.v1.customers.update(customer.id, {"name": "Ada"})
    assert driver.events_about(customer.id) == ["customer.created"]
    driver.v1.customers.update(customer.id, {"email": "new@example.com", "name": "Ada"})
    event = newest_event(driver, type="customer.updated")
    assert event.data.previous_attributes.to_dict() == {"email": "old@example.com"}
    assert event.data.object["email"] == "new@example.com"


def test_a_deleted_customer_is_a_stub_that_cannot_be_changed_and_cannot_buy(driver: StripeDriver) -> None:
    customers = driver.v1.customers
    gone = customers.create({"email": "gone@example.com"}).id
    assert customers.delete(gone).deleted
    assert customers.retrieve(gone).to_dict() == {"id": gone, "object": "customer", "deleted": True}
    assert customers.list({"email": "gone@example.com"}).data == []
    assert gone not in [found.id for found in customers.list({"limit": 100})]
    for attempt in (customers.update, customers.delete):
        with refused("resource_missing", status=404):
            attempt(gone)
    with refused("resource_missing", "customer"):
        driver.session(customer=gone)


def test_an_email_is_found_letter_by_letter(driver: StripeDriver) -> None:
    customer = driver.v1.customers.create({"email": "Case@example.com"})
    assert [c.id for c in driver.v1.customers.list({"email": "Case@example.com"})] == [customer.id]
    assert driver.v1.customers.list({"email": "case@example.com"}).data == []


def test_what_is_no_email_is_refused(driver: StripeDriver) -> None:
    with refused("email_invalid", "email"):
        driver.v1.customers.create({"email": "not an email"})
