"""What no webhook delivered is made good, however long ago it began, and never twice."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.test import override_settings

from accounts.members import Member
from billing.reconciliation import Finding, reconcile, reconcile_member
from billing.stripe_api import checkouts
from instant_admin.client.errors import InstantUnreachable
from instant_admin.client.steps import delete, update
from tests.billing import commands
from tests.drivers.site import LoopbackSite

DAY_S = 86_400
THREE_DAYS = timedelta(hours=72)


def found(site: LoopbackSite, age: timedelta | None = None, *, dry_run: bool) -> list[Finding]:
    """What a run over the last `age`, or over everything, finds."""
    start = None if age is None else datetime.fromtimestamp(site.now, tz=UTC) - age
    return list(reconcile(since=start, dry_run=dry_run))


def fixed(site: LoopbackSite, age: timedelta | None = None) -> list[str]:
    return [finding.text for finding in found(site, age, dry_run=False)]


def lacking(site: LoopbackSite, age: timedelta | None = None) -> list[str]:
    return [finding.text for finding in found(site, age, dry_run=True)]


WINDOWS = pytest.mark.parametrize("age", [None, THREE_DAYS], ids=["all", "72h"])


@WINDOWS
def test_what_was_never_delivered_is_credited_and_a_second_run_changes_nothing(
    site: LoopbackSite, ada: Member, age: timedelta | None
) -> None:
    grace = site.member("grace@example.com")
    site.buy(ada)
    site.buy(grace, promotion_code="TESTING100")
    site.refund(site.buy(grace), 150)
    site.open_checkout(ada)
    texts = ["is paid, and its 10 credits are not there"] * 3
    assert lacking(site, age) == texts
    assert (site.credits(ada), site.credits(grace)) == (0, 0)
    assert sorted(fixed(site, age)) == ["credited 10", "credited 10", "credited 10, took back 3"]
    assert (site.credits(ada), site.credits(grace)) == (10, 17)
    assert fixed(site, age) == lacking(site, age) == []


def test_a_checkout_is_looked_at_once(site: LoopbackSite, ada: Member) -> None:
    for _ in range(3):
        checkout_id = site.buy(ada)
        site.refund(checkout_id, 50)
        site.refund(checkout_id, 50)
    looked: list[None] = []
    start = datetime.fromtimestamp(site.now, tz=UTC) - timedelta(hours=1)
    assert len(list(reconcile(since=start, dry_run=False, looked_at=lambda: looked.append(None)))) == 3
    assert len(looked) == 3
    asked = site.asked_stripe
    assert fixed(site, timedelta(hours=1)) == []
    assert site.asked_stripe - asked == 4 + 3 * 3  # four lists, and what became of each payment


def test_a_bank_debit_that_took_more_than_a_week_is_found(site: LoopbackSite, ada: Member) -> None:
    checkout_id = site.buy(ada, payment_method="bank_debit_ok")
    site.now += 9 * DAY_S
    site.post(f"/dashboard/payments/{site.payment_of(checkout_id)}/settle")
    assert fixed(site, THREE_DAYS) == ["credited 10"]


def test_a_refund_of_an_old_purchase_is_found_and_so_is_its_failure(site: LoopbackSite, bought: str) -> None:
    site.now += 100 * DAY_S
    refund_id = site.refund(bought, 500)
    assert lacking(site, THREE_DAYS) == [
        "was refunded by another amount than the credits that were taken back are worth"
    ]
    assert fixed(site, THREE_DAYS) == ["took back 10"]
    site.now += 20 * DAY_S
    site.post(f"/dashboard/refunds/{refund_id}/fail")
    assert fixed(site, THREE_DAYS) == ["gave back 10"]
    assert fixed(site, THREE_DAYS) == []


def test_a_dispute_that_is_decided_months_later_is_found(
    site: LoopbackSite, ada: Member, bought: str
) -> None:
    site.now += 40 * DAY_S
    dispute_id = site.dispute(bought)
    assert lacking(site, THREE_DAYS) == ["is disputed, and its credits were not held back"]
    assert fixed(site, THREE_DAYS) == ["took back 10"]
    site.now += 70 * DAY_S
    site.post(f"/dashboard/disputes/{dispute_id}/win")
    assert lacking(site, THREE_DAYS) == ["is no longer disputed, and its credits were not given back"]
    assert fixed(site, THREE_DAYS) == ["gave back 10"]
    assert site.credits(ada) == 10


def test_a_refund_older_than_stripes_events_is_found(site: LoopbackSite, bought: str) -> None:
    site.now += 50 * DAY_S
    site.refund(bought, 500)
    site.now += 35 * DAY_S
    assert fixed(site, THREE_DAYS) == []
    assert fixed(site, timedelta(days=60)) == ["took back 10"]


@WINDOWS
def test_what_a_machine_cannot_mend_needs_review_and_stops_nobody_else(
    site: LoopbackSite, ada: Member, age: timedelta | None
) -> None:
    """Deleted members, credits that were changed in Stripe, a damaged ledger: the others get theirs."""
    gone, grace, alan = (site.member(f"{name}@example.com") for name in ("gone", "grace", "alan"))
    lost, changed, damaged = site.buy(gone), site.buy(grace), site.buy(alan)
    site.deliver_all()
    site.edit(changed, credits="99")
    entry = site.entries(alan)[0]
    site.admin.transact([update("creditEntries", entry.id, {"kind": "gift"}, upsert=False)])
    site.admin.transact([delete("creditEntries", site.entries(gone)[0].id)])
    site.admin.delete_user(user_id=gone.id)
    stripped = site.buy(ada)
    site.edit(stripped, member="")
    site.buy(ada)
    for dry_run in (True, False):
        findings = found(site, age, dry_run=dry_run)
        assert {f.checkout_id for f in findings if f.needs_review} == {lost, changed, damaged, stripped}
        assert len(findings) == 5
    assert site.credits(ada) == 10


def test_a_member_deleted_after_they_were_credited_is_no_concern(
    site: LoopbackSite, ada: Member, bought: str
) -> None:
    site.admin.delete_user(user_id=ada.id)
    site.refund(bought, 500)
    assert lacking(site) == fixed(site) == []


@WINDOWS
def test_another_sites_sales_in_the_same_stripe_account_are_left_alone(
    site: LoopbackSite, ada: Member, age: timedelta | None
) -> None:
    with override_settings(SHOP_ID="another-site"):
        site.refund(site.buy(ada), 100)
    assert lacking(site, age) == fixed(site, age) == []
    assert site.entries(ada) == []


def test_one_customers_checkouts_are_their_own(site: LoopbackSite, ada: Member) -> None:
    grace = site.member("grace@example.com")
    checkout_id = site.buy(ada)
    site.buy(grace)
    customer_id = str(checkouts.retrieve(checkout_id).customer_id)
    assert list(reconcile_member(ada.id, customer_id=customer_id)) == [
        Finding(checkout_id, ada.id, "credited 10")
    ]
    assert (site.credits(ada), site.credits(grace)) == (10, 0)


def test_two_runs_at_once_mend_once(site: LoopbackSite, ada: Member) -> None:
    """Each goes one checkout further in turn."""
    for _ in range(4):
        site.buy(ada)
    one, other = (reconcile(since=None, dry_run=False) for _ in range(2))
    texts = [finding.text for pair in zip(one, other, strict=False) for finding in pair]
    texts += [finding.text for finding in (*one, *other)]
    assert texts == ["credited 10"] * 4
    assert site.credits(ada) == 40


def test_an_outage_in_between_is_raised_and_keeps_what_was_fixed(site: LoopbackSite, ada: Member) -> None:
    for _ in range(2):
        site.buy(ada)
    run = reconcile(since=None, dry_run=False)
    next(run)
    site.instant_is_away = True
    with pytest.raises(Exception, match="is unknown; nothing was written") as raised:
        next(run)
    assert isinstance(raised.value.__cause__, InstantUnreachable)
    site.instant_is_away = False
    assert fixed(site) == ["credited 10"]


# The command


run = partial(commands.run, "reconcile_credits")


@pytest.mark.django_db
def test_the_command_has_a_line_for_each_change_and_a_summary(site: LoopbackSite, ada: Member) -> None:
    checkout_id = site.buy(ada)
    lacks = f"{checkout_id} of {ada.id}: is paid, and its 10 credits are not there\n"
    summary = "1 checkouts looked at, 1 to fix; dry run, nothing written.\n"
    assert run("--dry-run") == (lacks + summary, None)
    done = f"{checkout_id} of {ada.id}: credited 10\n1 checkouts looked at, 1 fixed.\n"
    assert run("--all") == (done, None)
    assert run("--since", "90m") == ("1 checkouts looked at, nothing to do.\n", None)


@pytest.mark.django_db
def test_the_command_fails_when_something_needs_review(site: LoopbackSite, ada: Member) -> None:
    checkout_id = site.buy(ada)
    site.admin.delete_user(user_id=ada.id)
    out, failure = run()
    assert out.startswith(f"NEEDS REVIEW: {checkout_id} of {ada.id}: There is no member")
    assert out.endswith("1 checkouts looked at, 0 fixed, 1 need review.\n")
    assert failure == "1 checkouts need review"


@pytest.mark.parametrize(
    "arguments",
    [
        *(f"--since {window}" for window in ("0h", "72", "-3h", "99999d", "soon")),
        "--since 1h --all",
        "--everything",
    ],
)
def test_the_command_refuses_what_it_does_not_understand(arguments: str) -> None:
    out, failure = run(*arguments.split())
    assert (out, (failure or "")[:7]) == ("", "Error: ")


@pytest.mark.django_db
def test_the_longest_window_is_one(site: LoopbackSite) -> None:
    assert run("--since", "9999d") == ("0 checkouts looked at, nothing to do.\n", None)


@pytest.mark.parametrize(
    ("away", "why"),
    [
        ("stripe_is_away", r"No usable answer from Stripe \(HTTP None\)"),
        ("instant_is_away", "The outcome of movement purchase:cs_test_.*"),
    ],
)
def test_the_command_says_so_in_an_outage(site: LoopbackSite, ada: Member, away: str, why: str) -> None:
    site.buy(ada)
    setattr(site, away, True)
    out, failure = run()
    assert out == ""
    assert re.fullmatch(f"Stopped after 0 checkouts: {why}", failure or "")
