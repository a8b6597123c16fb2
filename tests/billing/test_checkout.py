"""What starting a checkout asks of Stripe, and which customer it is for."""

from __future__ import annotations

from typing import Any

from accounts.members import Member
from instant_admin.client.steps import update
from tests.drivers.site import LoopbackSite


def customers(site: LoopbackSite) -> list[dict[str, Any]]:
    return [each for each in site.ask("/v1/customers", limit="100")["data"] if not each.get("deleted")]


def customer_of(site: LoopbackSite, checkout_id: str) -> str:
    return str(site.ask(f"/v1/checkout/sessions/{checkout_id}")["customer"])


def set_email(site: LoopbackSite, member: Member, email: str) -> None:
    site.admin.transact([update("$users", member.id, {"email": email})])


def test_a_session_is_named_after_its_site_and_its_member(site: LoopbackSite, ada: Member) -> None:
    session = site.ask(f"/v1/checkout/sessions/{site.open_checkout(ada)}")
    assert session["client_reference_id"].startswith(f"{site.instant.app.id}:{ada.id}:")
    assert session["invoice_creation"]["enabled"]


def test_a_member_stays_one_customer_who_has_their_email(site: LoopbackSite, ada: Member) -> None:
    first, second = customer_of(site, site.buy(ada)), customer_of(site, site.open_checkout(ada))
    assert first == second
    assert [(each["id"], each["email"]) for each in customers(site)] == [(first, ada.email)]


def test_a_member_whose_email_changed_is_the_same_customer_under_the_new_one(
    site: LoopbackSite, ada: Member
) -> None:
    before = customer_of(site, site.open_checkout(ada))
    set_email(site, ada, "ada@elsewhere.test")
    # The browser still has the old email in its session: it signed in with it.
    assert customer_of(site, site.open_checkout(ada)) == before
    assert [each["email"] for each in customers(site)] == ["ada@elsewhere.test"]


def test_an_email_that_is_the_same_is_not_told_again(site: LoopbackSite, ada: Member) -> None:
    site.open_checkout(ada)
    asked = site.asked_stripe
    site.open_checkout(ada)
    # What Stripe has, and the session.
    assert site.asked_stripe == asked + 2


def test_a_customer_that_was_deleted_in_stripe_is_made_anew_as_often_as_that_happens(
    site: LoopbackSite, ada: Member
) -> None:
    seen = set()
    for _ in range(3):
        customer_id = customer_of(site, site.open_checkout(ada))
        seen.add(customer_id)
        assert [each["email"] for each in customers(site)] == [ada.email]
        site.ask(f"/v1/customers/{customer_id}", method="DELETE")
    assert len(seen) == 3


def test_a_customer_who_was_deleted_before_they_were_saved_stands_in_nobodys_way(
    site: LoopbackSite, ada: Member
) -> None:
    # The site died between Stripe's answer and Instant's, and somebody tidied up in Stripe's dashboard.
    for _ in range(2):
        lost = customer_of(site, site.open_checkout(ada))
        site.admin.transact([update("$users", ada.id, {"stripeCustomerId": None})])
        site.ask(f"/v1/customers/{lost}", method="DELETE")
    site.buy(ada)
    site.deliver_all()
    assert site.credits(ada) == 10
    assert [each["email"] for each in customers(site)] == [ada.email]


def test_a_customer_saved_under_the_other_mode_of_the_key_is_made_anew(
    site: LoopbackSite, ada: Member
) -> None:
    site.admin.transact([update("$users", ada.id, {"stripeCustomerId": "cus_of_live_mode"})])
    customer_id = customer_of(site, site.buy(ada))
    assert [each["id"] for each in customers(site)] == [customer_id]
    assert customer_of(site, site.open_checkout(ada)) == customer_id
