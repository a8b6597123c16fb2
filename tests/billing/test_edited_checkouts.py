"""A checkout that may have been edited in Stripe is credited by nobody, and named to whoever must look at it."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import settings
from django.test import override_settings

from accounts.members import Member
from billing.audit.run import Audit
from billing.fulfilment import Outcome, sync_checkout
from billing.history import history_of
from billing.packs import Pack
from billing.purchases import credited_purchases, with_what_stripe_has
from billing.reconciliation import reconcile
from billing.stripe_api import checkouts
from tests.drivers.signed_in import browser_of
from tests.drivers.site import LoopbackSite

FIFTY = Pack(price_id="price_fifty", credits=50, name="Fifty")
GRACE = "bbbbbbbb-0000-4000-8000-000000000001"
EDITS = pytest.mark.parametrize(
    "edit",
    [
        {"credits": "1000"},
        {"credits": "lots"},
        {"credits": ""},
        {"app": "another-site"},
        {"app": ""},
        {"member": GRACE},
        {"member": ""},
        {"pack": "1000"},
        {"price": "price_of_another"},
        {"quantity": "100"},
        {"pack": "", "price": "", "quantity": ""},
    ],
    ids=str,
)


def metadata_of(site: LoopbackSite, checkout_id: str) -> dict[str, str]:
    return dict(site.session(checkout_id)["metadata"])


def needing_review(*, dry_run: bool) -> list[str]:
    findings = reconcile(since=None, dry_run=dry_run)
    return [finding.checkout_id for finding in findings if finding.needs_review]


@pytest.mark.django_db
@EDITS
def test_what_was_edited_is_credited_by_nobody_until_it_is_put_back(
    site: LoopbackSite, ada: Member, edit: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    checkout_id = site.open_checkout(ada)
    made_with = metadata_of(site, checkout_id)
    site.edit(checkout_id, **edit)
    site.pay(checkout_id)
    with caplog.at_level(logging.ERROR):
        for body in site.events():
            assert site.tell(body).status_code == 200
    assert [record.getMessage()[: len(checkout_id) + 23] for record in caplog.records] == [
        f"Checkout {checkout_id} needs review:"
    ]
    settlement = sync_checkout(checkout_id, member=ada)
    assert (settlement.outcome, settlement.added, settlement.credits) == (Outcome.NEEDS_REVIEW, 0, 0)
    assert needing_review(dry_run=True) == needing_review(dry_run=False) == [checkout_id]
    (violation,) = Audit().violations()
    assert (violation.member, violation.entry) == (ada.email, checkout_id)
    assert violation.text.endswith("; it needs review")
    assert site.entries(ada) == []

    site.edit(checkout_id, **made_with)
    assert sync_checkout(checkout_id, member=ada).outcome is Outcome.CREDITED
    assert list(Audit().violations()) == []
    assert site.ledger(ada) == [("purchase", 10, 10)]


def test_what_was_refunded_instead_needs_no_review_any_more(site: LoopbackSite, ada: Member) -> None:
    checkout_id = site.buy(ada)
    site.edit(checkout_id, credits="1000")
    site.refund(checkout_id, 499)
    assert needing_review(dry_run=True) == [checkout_id]
    site.refund(checkout_id, 1)
    assert needing_review(dry_run=True) == needing_review(dry_run=False) == []
    assert list(Audit().violations()) == []
    assert site.entries(ada) == []


@pytest.mark.parametrize("credits", ["1000", ""])
def test_what_was_credited_before_it_was_edited_and_refunded_is_still_named(
    site: LoopbackSite, ada: Member, credits: str
) -> None:
    checkout_id = site.buy(ada)
    site.deliver_all()
    site.edit(checkout_id, credits=credits)
    site.refund(checkout_id, 500)
    assert needing_review(dry_run=True) == needing_review(dry_run=False) == [checkout_id]


def test_the_metadata_of_a_bigger_checkout_does_not_fit_a_smaller_one(
    site: LoopbackSite, ada: Member
) -> None:
    site.stripe.ensure_price(FIFTY.price_id, 2000, "usd", FIFTY.name)
    bigger, smaller = site.buy(ada, pack=FIFTY), site.buy(ada)
    site.edit(smaller, **metadata_of(site, bigger))
    site.deliver_all()
    assert site.credits(ada) == 50
    assert needing_review(dry_run=False) == [smaller]


def test_the_payment_still_says_what_the_checkout_was_made_with(site: LoopbackSite, ada: Member) -> None:
    checkout_id = site.open_checkout(ada)
    made_with = metadata_of(site, checkout_id)
    site.edit(checkout_id, credits="1000")
    site.pay(checkout_id)
    payment = site.ask(f"/v1/payment_intents/{site.payment_of(checkout_id)}")
    assert payment["metadata"] == made_with


def test_what_is_credited_already_is_held_against_the_ledger_and_not_the_seal(
    site: LoopbackSite, ada: Member
) -> None:
    """So that a key of long ago need not be kept for ever."""
    checkout_id = site.buy(ada)
    site.deliver_all()
    with override_settings(SECRET_KEY="the next"):
        assert list(Audit().violations()) == []
        site.refund(checkout_id, 150)
        site.deliver_all()
    assert site.ledger(ada) == [("purchase", 10, 10), ("refund", -3, 7)]


def test_a_key_that_is_rolled_takes_nothing_from_who_is_paying(site: LoopbackSite, ada: Member) -> None:
    site.pay(site.open_checkout(ada))
    with override_settings(SECRET_KEY="the next", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        site.deliver_all()
    assert site.credits(ada) == 10


def test_a_number_that_cannot_be_believed_is_not_shown(site: LoopbackSite, ada: Member) -> None:
    checkout_id = site.buy(ada)
    site.edit(checkout_id, credits="1000")
    customer_id = history_of(ada).customer_id
    bought = credited_purchases(ada.at_instant, ada.id)
    told = with_what_stripe_has(bought, member_id=ada.id, customer_id=customer_id)
    assert [purchase.credits for purchase in told.records] == [None]


@pytest.mark.django_db
def test_the_buyer_is_told_calmly(site: LoopbackSite, ada: Member) -> None:
    checkout_id = site.buy(ada)
    site.edit(checkout_id, credits="1000")
    page = browser_of(ada).post("/api/stripe/sync", {"session_id": checkout_id}, follow=True)
    assert page.redirect_chain == [("/", 303)]
    assert "We have to look at it before we add its credits" in page.content.decode()


# From before there were seals


def buy_unsealed(site: LoopbackSite, member: Member) -> str:
    """A paid checkout as the version before seals made it."""
    made = checkouts.retrieve(site.open_checkout(member))
    session = site.ask(
        "/v1/checkout/sessions",
        method="POST",
        **{
            "mode": "payment",
            "customer": str(made.customer_id),
            "client_reference_id": str(member.id),
            "line_items[0][price]": "price_ten",
            "line_items[0][quantity]": "1",
            "metadata[app]": str(made.app),
            "metadata[member]": str(member.id),
            "metadata[credits]": "10",
            "success_url": "http://site.test/",
        },
    )
    site.pay(str(session["id"]))
    return str(session["id"])


def tomorrow(site: LoopbackSite) -> date:
    return datetime.fromtimestamp(site.now, tz=UTC).date() + timedelta(days=1)


def test_a_new_site_honours_no_checkout_without_a_seal(site: LoopbackSite, ada: Member) -> None:
    checkout_id = buy_unsealed(site, ada)
    site.deliver_all()
    assert sync_checkout(checkout_id, member=ada).outcome is Outcome.NEEDS_REVIEW
    assert needing_review(dry_run=True) == [checkout_id]


def test_an_unsealed_checkout_counts_by_the_day_on_which_it_was_made(site: LoopbackSite, ada: Member) -> None:
    until = tomorrow(site)
    before = buy_unsealed(site, ada)
    site.now += 24 * 3600
    after = buy_unsealed(site, ada)
    with override_settings(UNSEALED_CHECKOUTS_UNTIL=until):
        site.deliver_all()
        assert [entry.ref for entry in site.entries(ada)] == [before]
        assert needing_review(dry_run=True) == [after]


def test_a_sealed_checkout_cannot_pass_for_an_old_one(site: LoopbackSite, ada: Member) -> None:
    checkout_id = site.buy(ada)
    site.edit(checkout_id, credits="1000", pack="", price="", quantity="")
    with override_settings(UNSEALED_CHECKOUTS_UNTIL=tomorrow(site)):
        assert needing_review(dry_run=False) == [checkout_id]
