"""Credits by month."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from accounts.members import Member
from billing.staff.totals import Month, as_csv, totals
from instant_admin.client.steps import update
from instant_admin.client.times import epoch_ms
from instant_admin.ledger.movements import Grant, Take, undo_of
from tests.billing.staff.conftest import browser_of_staff
from tests.drivers.site import LoopbackSite

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_cache")]

PAGE = "/admin/billing/member/totals/"
CSV = "/admin/billing/member/totals.csv"


def write_then(site: LoopbackSite, member: Member, *moments: datetime) -> None:
    """Have the entries been written at these moments, oldest first."""
    for entry, moment in zip(site.entries(member), moments, strict=True):
        site.admin.transact([update("creditEntries", entry.id, {"createdAt": epoch_ms(moment)})])


@pytest.fixture
def three_months(site: LoopbackSite, ada: Member) -> None:
    """Bought and spent in January, nothing in February, refunded and looked after in March."""
    checkout_id = site.buy(ada)
    site.deliver_all()
    site.spend(ada, 2)
    site.refund(checkout_id, 150)
    site.deliver_all()
    spend = site.entries(ada)[1]
    for movement in (Grant(key="grant:1", credits=20), Take(key="take:1", credits=1)):
        site.store.post(ada.id, movement)
    site.store.post(ada.id, undo_of(spend, note="", actor=""))
    last, first = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    write_then(site, ada, last, last, last, first, first, first, first)


JANUARY = Month("2026-01", sold=10, spent=-2, taken_back=0, by_staff=0, other=0, outstanding=8)
FEBRUARY = Month("2026-02", sold=0, spent=0, taken_back=0, by_staff=0, other=0, outstanding=8)
MARCH = Month("2026-03", sold=0, spent=0, taken_back=-3, by_staff=20, other=0, outstanding=25)


def test_each_month_has_what_was_sold_spent_and_outstanding(
    site: LoopbackSite, ada: Member, three_months: None
) -> None:
    assert totals(datetime(2026, 3, 20, tzinfo=UTC)) == [JANUARY, FEBRUARY, MARCH]
    assert MARCH.outstanding == site.credits(ada)


def test_a_month_that_is_over_is_read_once_and_this_one_each_time(
    site: LoopbackSite, ada: Member, three_months: None
) -> None:
    now = datetime(2026, 3, 20, tzinfo=UTC)
    totals(now)
    asked = site.asked_instant
    site.store.post(ada.id, Grant(key="grant:2", credits=5))
    write_then(site, ada, *(entry.created_at for entry in site.entries(ada)[:-1]), now.replace(day=19))
    site.asked_instant = 0
    assert [month.outstanding for month in totals(now)] == [8, 8, 30]
    assert (asked > 2, site.asked_instant) == (True, 2)


def test_without_entries_there_is_no_month(site: LoopbackSite) -> None:
    assert totals(datetime(2026, 3, 20, tzinfo=UTC)) == []
    assert "Nothing was moved yet." in browser_of_staff("view_member").get(PAGE).content.decode()


def test_the_csv_has_only_numbers(site: LoopbackSite, ada: Member, three_months: None) -> None:
    assert as_csv([JANUARY, MARCH]).splitlines() == [
        "month,sold,spent,taken_back,by_staff,other,outstanding",
        "2026-01,10,-2,0,0,0,8",
        "2026-03,0,0,-3,20,0,25",
    ]
    browser = browser_of_staff("view_member")
    answer = browser.get(CSV)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    assert "2026-01,10,-2,0,0,0,8" in answer.content.decode()
    assert '<th scope="row">2026-01</th>' in browser.get(PAGE).content.decode()


@pytest.mark.parametrize("path", [PAGE, CSV])
def test_who_may_not_look_does_not_and_an_outage_is_said(site: LoopbackSite, path: str) -> None:
    assert browser_of_staff().get(path).status_code == 403
    site.instant_is_away = True
    browser = browser_of_staff("view_member", name="bob")
    assert browser.get(path).status_code == 503
