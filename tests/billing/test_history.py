"""What a member reads of their own ledger."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.members import Member
from billing.history import history_of
from instant_admin.client.steps import update
from tests.drivers.signed_in import FRAGMENT, browser_of
from tests.drivers.site import LoopbackSite


@pytest.fixture
def browser(site: LoopbackSite, ada: Member, bought: str) -> Client:
    site.spend(ada, 2)
    return browser_of(ada)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "headers"),
    [("/", {}), ("/history/?before=3", FRAGMENT), ("/haikus/", {}), ("/api/credits", FRAGMENT)],
)
def test_a_page_asks_instant_once(
    site: LoopbackSite, browser: Client, path: str, headers: dict[str, str]
) -> None:
    asked = site.asked_instant
    assert browser.get(path, headers=headers).status_code == 200
    assert site.asked_instant == asked + 1


@pytest.mark.django_db
def test_the_history_asks_once_more_for_its_purchases(site: LoopbackSite, browser: Client) -> None:
    asked = site.asked_instant
    assert browser.get("/history/").status_code == 200
    assert site.asked_instant == asked + 2


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
