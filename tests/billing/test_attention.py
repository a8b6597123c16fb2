"""What is noted for staff when the bank of a card warns of fraud."""

from __future__ import annotations

import json
from functools import partial

import pytest
from django.test import override_settings

from accounts.members import Member
from billing.attention import close, left_of_purchase, open_by_kind
from billing.errors import StripeError
from billing.models import Attention
from credits_site.metrics import read
from tests.billing import commands
from tests.drivers.prometheus import Numbers
from tests.drivers.site import LoopbackSite
from tests.drivers.stripe_api import INQUIRED, WARNED

pytestmark = pytest.mark.django_db
reconcile = partial(commands.run, "reconcile_credits")


def warnings_told(site: LoopbackSite) -> list[bytes]:
    """The events about warnings that wait, oldest first; all others are delivered."""
    told = site.events()
    ours = [body for body in told if json.loads(body)["type"].startswith("radar.early_fraud_warning.")]
    for body in told:
        if body not in ours:
            site.deliver(body)
    return ours


def is_open() -> list[bool]:
    return [noted.closed_at is None for noted in Attention.objects.all()]


def test_a_warning_is_noted_and_logged_and_moves_nothing(
    site: LoopbackSite, ada: Member, caplog: pytest.LogCaptureFixture
) -> None:
    checkout_id = site.buy(ada, card=WARNED)
    site.deliver_all()
    (noted,) = Attention.objects.all()
    assert (noted.kind, noted.detail) == ("fraud_warning", "made_with_stolen_card")
    assert (noted.checkout_id, noted.payment_id) == (checkout_id, site.payment_of(checkout_id))
    assert (noted.member_id, noted.raised_at.timestamp()) == (ada.id, site.now)
    assert (noted.closed_at, noted.closed_by) == (None, "")
    assert site.ledger(ada) == [("purchase", 10, 10)]
    assert open_by_kind() == {"fraud_warning": 1, "review": 0, "selling_paused": 0, "withdrawal": 0}
    assert Numbers(read()).of("credits_attention_open", kind="fraud_warning") == 1
    assert [each.getMessage() for each in caplog.records if each.name == "billing.attention"] == [
        f"Checkout {checkout_id}: its bank warns of fraud (made_with_stolen_card)"
    ]


def test_a_warning_that_comes_before_the_purchase_is_credited_is_noted(
    site: LoopbackSite, ada: Member
) -> None:
    site.buy(ada, card=WARNED)
    (completed, warned) = [
        body
        for body in site.events()
        if json.loads(body)["type"] in ("checkout.session.completed", "radar.early_fraud_warning.created")
    ]
    site.deliver(warned)
    assert (is_open(), site.entries(ada)) == ([True], [])
    site.deliver(completed)
    assert (is_open(), site.credits(ada)) == ([True], 10)


@pytest.mark.parametrize("ended_by", ["refund", "dispute", "inquiry"])
def test_told_twice_and_the_last_first_it_is_one_note_and_stays_closed(
    site: LoopbackSite, ada: Member, bought: str, ended_by: str
) -> None:
    site.warn(bought)
    if ended_by == "refund":
        site.refund(bought, 500)
    else:
        site.dispute(bought, kind="fraudulent" if ended_by == "dispute" else "inquiry")
    created, updated = warnings_told(site)
    for body in (updated, created, updated, created):
        site.deliver(body)
        assert is_open() == [False]
    assert Attention.objects.get().closed_by == ""


def test_a_refund_in_part_leaves_it_open_and_the_rest_closes_it(
    site: LoopbackSite, ada: Member, bought: str
) -> None:
    site.warn(bought)
    site.refund(bought, 200)
    site.deliver_all()
    assert (is_open(), site.credits(ada), left_of_purchase(bought)) == ([True], 6, 6)
    site.refund(bought, 300)
    site.deliver_all()
    assert (is_open(), site.credits(ada), left_of_purchase(bought)) == ([False], 0, 0)


def test_two_warnings_of_one_payment_are_two_notes(site: LoopbackSite, bought: str) -> None:
    site.warn(bought)
    site.warn(bought, "misc")
    site.deliver_all()
    assert {noted.detail for noted in Attention.objects.all()} == {"made_with_stolen_card", "misc"}


def test_what_staff_closed_is_not_opened_again(site: LoopbackSite, bought: str) -> None:
    site.warn(bought)
    (created,) = warnings_told(site)
    site.deliver(created)
    assert close(Attention.objects.get(), by="grace")
    site.deliver(created)
    site.refund(bought, 500)
    site.deliver_all()
    assert [noted.closed_by for noted in Attention.objects.all()] == ["grace"]
    assert not close(Attention.objects.get(), by="linus")
    assert Attention.objects.get().closed_by == "grace"


def test_a_warning_of_another_sites_payment_is_passed_over(site: LoopbackSite, ada: Member) -> None:
    with override_settings(SHOP_ID="another-site"):
        checkout_id = site.open_checkout(ada)
    site.pay(checkout_id, WARNED)
    site.deliver_all()
    reconcile()
    assert not Attention.objects.exists()


def test_a_warning_of_what_no_checkout_made_is_passed_over(site: LoopbackSite, bought: str) -> None:
    site.warn(bought)
    (created,) = warnings_told(site)
    for payment in ("pi_of_somebody_else", None):
        event = json.loads(created)
        event["data"]["object"]["payment_intent"] = payment
        site.deliver(json.dumps(event).encode())
    assert not Attention.objects.exists()


def test_while_stripe_is_away_it_is_told_again(site: LoopbackSite, bought: str) -> None:
    site.warn(bought)
    (created,) = warnings_told(site)
    site.stripe_is_away = True
    with pytest.raises(StripeError):
        site.deliver(created)
    site.stripe_is_away = False
    site.deliver(created)
    assert is_open() == [True]


def test_what_was_never_credited_has_nothing_to_take_back(site: LoopbackSite, ada: Member) -> None:
    assert left_of_purchase(site.buy(ada)) is None


def test_reconciling_finds_what_no_webhook_told(site: LoopbackSite, ada: Member) -> None:
    site.now -= 20 * 24 * 3600
    checkout_id = site.buy(ada, card=WARNED)
    site.buy(ada, card=INQUIRED)
    reconcile("--since", "30d", "--dry-run")
    assert is_open() == []
    reconcile("--since", "30d")
    assert is_open() == [True]
    site.now += 20 * 24 * 3600
    site.refund(checkout_id, 500)
    reconcile("--since", "1h")
    assert is_open() == [False]
