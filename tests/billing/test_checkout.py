"""Which customer of Stripe's a checkout is for."""

from __future__ import annotations

from accounts.members import Member
from instant_admin.client.steps import update
from tests.drivers.site import LoopbackSite


def emails(site: LoopbackSite) -> dict[str, str]:
    """Of the customers, by id."""
    return {each["id"]: each["email"] for each in site.customers()}


def customer_of(site: LoopbackSite, checkout_id: str) -> str:
    return str(site.session(checkout_id)["customer"])


def edit(site: LoopbackSite, member: Member, **values: str | None) -> None:
    site.admin.transact([update("$users", member.id, values)])


def test_a_session_is_named_after_its_site_and_its_member(site: LoopbackSite, ada: Member) -> None:
    session = site.session(site.open_checkout(ada))
    assert session["client_reference_id"].startswith(f"{site.instant.app.id}:{ada.id}:")
    assert session["invoice_creation"]["enabled"]


def test_a_member_stays_one_customer_and_their_email_is_told_once(site: LoopbackSite, ada: Member) -> None:
    customer_id = customer_of(site, site.buy(ada))
    asked = site.asked_stripe
    again = site.open_checkout(ada)
    assert site.asked_stripe == asked + 2  # what Stripe has, and the session
    assert customer_of(site, again) == customer_id
    assert emails(site) == {customer_id: ada.email}


def test_a_member_whose_email_changed_is_the_same_customer(site: LoopbackSite, ada: Member) -> None:
    customer_id = customer_of(site, site.open_checkout(ada))
    edit(site, ada, email="ada@elsewhere.test")
    # The browser still has the old email in its session: it signed in with it.
    assert customer_of(site, site.open_checkout(ada)) == customer_id
    assert emails(site) == {customer_id: "ada@elsewhere.test"}


def test_a_customer_deleted_in_stripe_is_made_anew_each_time(site: LoopbackSite, ada: Member) -> None:
    seen = set()
    for _ in range(3):
        customer_id = customer_of(site, site.open_checkout(ada))
        assert emails(site) == {customer_id: ada.email}
        site.ask(f"/v1/customers/{customer_id}", method="DELETE")
        seen.add(customer_id)
    assert len(seen) == 3


def test_a_customer_deleted_before_they_were_saved_stands_in_nobodys_way(
    site: LoopbackSite, ada: Member
) -> None:
    # The site died between Stripe's answer and Instant's, and somebody tidied up in Stripe's dashboard.
    for _ in range(2):
        lost = customer_of(site, site.open_checkout(ada))
        edit(site, ada, stripeCustomerId=None)
        site.ask(f"/v1/customers/{lost}", method="DELETE")
    customer_id = customer_of(site, site.buy(ada))
    site.deliver_all()
    assert site.credits(ada) == 10
    assert emails(site) == {customer_id: ada.email}


def test_a_customer_of_the_other_mode_of_the_key_is_made_anew(site: LoopbackSite, ada: Member) -> None:
    edit(site, ada, stripeCustomerId="cus_of_live_mode")
    customer_id = customer_of(site, site.buy(ada))
    assert emails(site) == {customer_id: ada.email}
    assert customer_of(site, site.open_checkout(ada)) == customer_id
