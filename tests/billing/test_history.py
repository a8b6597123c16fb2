"""What a member reads of their own ledger."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpResponseBase, StreamingHttpResponse
from django.test import Client

from accounts.members import Member
from billing.balance_chart import HEIGHT, WIDTH, chart_of
from billing.history import CHART_POINTS, Group, Wanted, balance_chart, entries_of, history_of
from billing.products import Product
from instant_admin.client.steps import update
from instant_admin.ledger.movements import Reset
from tests.drivers.signed_in import FRAGMENT, JSON, browser_of
from tests.drivers.site import LoopbackSite


@pytest.fixture
def browser(site: LoopbackSite, ada: Member, bought: str) -> Client:
    site.spend(ada, 2)
    return browser_of(ada)


@pytest.mark.usefixtures("bought")
def test_an_entry_of_a_newer_kind_is_shown_as_it_is_stored(site: LoopbackSite, ada: Member) -> None:
    (entry,) = site.entries(ada)
    site.admin.transact([update("creditEntries", entry.id, {"kind": "birthday"})])
    page = history_of(ada)
    assert [(entry.title, entry.amount) for entry in page.entries] == [("birthday", 10)]
    # It counts, and what is spent goes on from it.
    site.spend(ada)
    assert (page.credits, history_of(ada).credits) == (10, 9)


@pytest.mark.django_db
def test_only_the_first_page_of_a_long_ledger_takes_two_questions(site: LoopbackSite, ada: Member) -> None:
    for _ in range(3):
        site.buy(ada)
    site.deliver_all()
    site.spend(ada, 24)
    asked = site.asked_instant
    first = history_of(ada)
    rest = history_of(ada, before=first.next)
    assert [entry.balance for entry in (*first.entries, *rest.entries)] == [*range(6, 30), 30, 20, 10]
    assert (rest.next, site.asked_instant - asked) == (None, 3)


# Filters


@pytest.fixture
def busy(site: LoopbackSite, ada: Member, bought: str) -> Member:
    """Ada with an entry of each group."""
    site.spend(ada, 2)
    site.refund(bought, 100)
    site.deliver_all()
    site.store.post(ada.id, Reset(key="reset:1", credits=4, note="An apology", actor="grace"))
    return ada


@pytest.mark.parametrize(
    ("group", "kinds"),
    [
        (Group.BOUGHT, ["purchase"]),
        (Group.SPENT, ["spend", "spend"]),
        (Group.RETURNED, ["refund"]),
        (Group.STAFF, ["reset"]),
        (None, ["reset", "refund", "spend", "spend", "purchase"]),
    ],
)
def test_a_group_of_movements_can_be_asked_for(busy: Member, group: Group | None, kinds: list[str]) -> None:
    page = history_of(busy, wanted=Wanted(group=group))
    assert ([entry.kind for entry in page.entries], page.credits, page.next) == (kinds, 4, None)


def age(site: LoopbackSite, member: Member, **ages: Any) -> None:
    """Have entries be from another time: their numbers, as `seq1`, with how long ago."""
    for entry in site.entries(member):
        if (ago := ages.get(f"seq{entry.seq}")) is not None:
            at = datetime.now(UTC) - ago
            site.admin.transact(
                [update("creditEntries", entry.id, {"createdAt": int(at.timestamp() * 1000)})]
            )


def test_a_time_can_be_asked_for(site: LoopbackSite, busy: Member) -> None:
    age(site, busy, seq1=timedelta(days=100), seq2=timedelta(days=31), seq3=timedelta(days=29))
    for days, amounts in ((30, [-2, -2, -1]), (90, [-2, -2, -1, -1]), (365, [-2, -2, -1, -1, 10])):
        page = history_of(busy, wanted=Wanted(days=days))
        assert sorted(entry.amount for entry in page.entries) == sorted(amounts)
    assert [entry.amount for entry in history_of(busy, wanted=Wanted(Group.SPENT, days=30)).entries] == [-1]


@pytest.mark.django_db
@pytest.mark.parametrize("wanted", [Wanted(), Wanted(Group.SPENT)])
def test_no_entry_is_shown_twice_or_left_out(site: LoopbackSite, ada: Member, wanted: Wanted) -> None:
    for _ in range(5):
        site.buy(ada)
    site.deliver_all()
    site.spend(ada, 47)
    # Most of one millisecond, as those of a batch are.
    moment = {"createdAt": int(datetime.now(UTC).timestamp() * 1000) - 60_000}
    site.admin.transact(
        [update("creditEntries", entry.id, moment) for entry in site.entries(ada) if 6 <= entry.seq < 40]
    )
    seen, before = [], None
    while True:
        page = history_of(ada, before=before, wanted=wanted)
        seen += [entry.balance for entry in page.entries]
        # What is written meanwhile stands on the first page.
        site.spend(ada) if before is None else None
        if (before := page.next) is None:
            break
    assert sorted(seen) == sorted([*range(3, 50), *([] if wanted.group else range(10, 51, 10))])


@pytest.mark.django_db
def test_a_filter_stands_in_the_address_and_leads_on_to_older_ones(
    site: LoopbackSite, ada: Member, bought: str
) -> None:
    for _ in range(2):
        site.buy(ada)
    site.deliver_all()
    site.spend(ada, 21)
    browser = browser_of(ada)
    page = browser.get("/history/?kind=spent&days=90").content.decode()
    assert '<option value="spent" selected>' in page
    following = history_of(ada, wanted=Wanted(Group.SPENT, days=90)).next
    assert f"/history/?kind=spent&amp;days=90&amp;before={following}" in page
    older = browser.get(f"/history/?kind=spent&days=90&before={following}", headers=FRAGMENT).content.decode()
    assert (older.count("<td>Spent"), older.count("<tr>")) == (0, 2)
    assert 'href="/history/?kind=spent&amp;days=90"' in older
    assert "Nothing of this kind in this time" in browser.get("/history/?kind=staff").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    [
        *("kind=x", "days=31", "kind=spent&before=7", "before=1.7", "days=30&before=1.x"),
        *(f"before={'9' * 300}", f"kind=spent&before={'9' * 300}.1"),
    ],
)
def test_what_no_link_leads_to_is_no_page(ada: Member, query: str) -> None:
    browser = browser_of(ada)
    assert browser.get(f"/history/?{query}", headers=JSON).status_code == 422
    assert browser.get(f"/history/?{query}")["Location"] == "/history/"


# What an entry says


@pytest.mark.django_db
def test_an_entry_says_what_it_was(site: LoopbackSite, busy: Member, bought: str) -> None:
    page = browser_of(busy).get("/history/").content.decode()
    assert f'href="/history/receipts/{bought}/"' in page.split('id="purchases"')[0]
    assert "Reason: An apology" in page
    assert "\N{MINUS SIGN}1<" in page
    assert ">+10<" in page
    assert ">-" not in page
    (newest, *_) = site.entries(busy)[::-1]
    assert f'<time datetime="{newest.created_at.isoformat()}" data-local>' in page
    as_json = browser_of(busy).get("/history/", headers=JSON).json()
    assert as_json["entries"][0]["note"] == "An apology"


def test_what_was_bought_is_linked_where_it_has_a_page(ada: Member) -> None:
    fields = {"namespace": "cards", "owner": "sender", "noun": "card", "bought": "Sent a card", "price": 1}
    card_id = uuid4()
    assert Product(name="card", **fields).address_of(card_id) is None  # type: ignore[arg-type]
    shown = Product(name="card", page="haikus:delete", **fields)  # type: ignore[arg-type]
    assert shown.address_of(card_id) == f"/haikus/{card_id}/delete/"


# The chart


def test_the_chart_is_drawn_as_balances_stood() -> None:
    noon = datetime(2026, 8, 1, 12, tzinfo=UTC)
    chart = chart_of([(noon, 10), (noon + timedelta(hours=1), -2), (noon + timedelta(hours=4), 4)])
    assert (chart.lowest, chart.highest) == (-2, 10)
    assert chart.line == f"M0.0 0.0H{WIDTH / 4}V{float(HEIGHT)}H{float(WIDTH)}V{HEIGHT / 2}"
    assert chart.zero == HEIGHT * 10 / 12


def test_the_chart_never_runs_back_and_has_a_width() -> None:
    noon = datetime(2026, 8, 1, 12, tzinfo=UTC)
    early = noon - timedelta(seconds=1)
    assert chart_of([(noon, 1), (early, 0)]).line == f"M0.0 0.0H{float(WIDTH)}V{float(HEIGHT)}"
    late = noon + timedelta(seconds=1)
    assert chart_of([(noon, 1), (late, 0), (early, 1)]).line.endswith(f"H{float(WIDTH)}V0.0")


def test_the_chart_of_a_short_ledger_has_all_of_it_and_of_a_long_one_some(
    site: LoopbackSite, ada: Member
) -> None:
    assert balance_chart(ada, history_of(ada)) is None
    for _ in range(8):
        site.buy(ada)
    site.deliver_all()
    first = history_of(ada)
    asked = site.asked_instant
    chart = balance_chart(ada, first)
    assert chart is not None
    assert [balance for _, balance in chart.points] == [*range(10, 81, 10)]
    assert site.asked_instant == asked
    site.spend(ada, 75)
    first = history_of(ada)
    asked = site.asked_instant
    chart = balance_chart(ada, first)
    assert chart is not None
    assert site.asked_instant == asked + 1
    balances = [balance for _, balance in chart.points]
    assert (balances[0], balances[-1], len(balances)) == (10, 5, CHART_POINTS)


# As CSV


def text_of(response: HttpResponseBase) -> str:
    assert isinstance(response, StreamingHttpResponse)
    return response.getvalue().decode()


@pytest.mark.django_db
def test_the_whole_ledger_comes_as_csv_and_no_cell_is_calculated(
    site: LoopbackSite, ada: Member, bought: str
) -> None:
    note = '=HYPERLINK("http://evil.example"),\n'
    site.store.post(ada.id, Reset(key="reset:1", credits=30, note=note, actor="grace"))
    site.spend(ada, 23)
    response = browser_of(ada).get("/history/export.csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="credits.csv"'
    assert "no-store" in response["Cache-Control"]
    head, *rows = csv.reader(text_of(response).splitlines(keepends=True))
    assert head == ["time", "kind", "product", "what", "credits", "balance", "note", "reference"]
    assert [int(row[5]) for row in rows] == [*range(7, 31), 10]
    assert (rows[-2][4], rows[-2][6]) == ("20", f"'{note}")
    assert (rows[0][4], rows[-1][7]) == ("-1", bought)
    assert datetime.fromisoformat(rows[-1][0]) == site.entries(ada)[0].created_at
    assert "grace" not in str(rows)


def test_a_long_ledger_is_read_page_by_page(site: LoopbackSite, ada: Member) -> None:
    assert list(entries_of(ada)) == []
    site.store.post(ada.id, Reset(key="reset:1", credits=250, note="", actor="grace"))
    site.spend(ada, 210)
    asked = site.asked_instant
    assert [entry.balance for entry in entries_of(ada)] == [*range(40, 251)]
    assert site.asked_instant == asked + 3


@pytest.mark.django_db
def test_the_csv_is_limited_and_while_instant_is_away_there_is_none(
    site: LoopbackSite, ada: Member, settings: Any
) -> None:
    settings.EXPORTS_PER_MEMBER_PER_HOUR = 2
    browser = browser_of(ada)
    site.instant_is_away = True
    assert browser.get("/history/export.csv").status_code == 503
    site.instant_is_away = False
    assert text_of(browser.get("/history/export.csv")).startswith("time,")
    assert browser.get("/history/export.csv").status_code == 429
