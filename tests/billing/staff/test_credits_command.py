"""`manage.py credits`."""

from __future__ import annotations

import pytest

from accounts.members import Member
from tests.billing import commands
from tests.drivers.site import LoopbackSite

pytestmark = pytest.mark.django_db


def run(action: str, to: str, credits: int = 25, *more: str) -> tuple[str, str | None]:
    why = ("--reason", "Goodwill", "--actor", "grace")
    return commands.run("credits", action, "--to", to, "--credits", str(credits), *why, *more)


def test_credits_are_given_and_taken_with_who_and_why(site: LoopbackSite, ada: Member) -> None:
    given, _ = run("give", "ADA@example.com")
    assert given.startswith("ADA@example.com: 25 credits given, from 0 to 25 (grant:")
    taken, _ = run("take", str(ada.id), 5, "--key", "ticket-7")
    assert taken == f"{ada.id}: 5 credits taken, from 25 to 20 (take:ticket-7).\n"
    assert {(entry.actor, entry.note) for entry in site.entries(ada)} == {("grace", "Goodwill")}


def test_the_same_key_does_it_once_and_nothing_else(site: LoopbackSite, ada: Member) -> None:
    for _ in range(2):
        assert "from 0 to 25" in run("give", ada.email, 25, "--key", "ticket-7")[0]
    assert "has done something else" in str(run("give", ada.email, 26, "--key", "ticket-7")[1])
    assert site.ledger(ada) == [("grant", 25, 25)]


@pytest.mark.parametrize(
    ("action", "to", "credits", "said"),
    [
        ("give", "bob@example.com", 1, "There is no member bob@example.com"),
        ("give", "ada@example.com", 0, "--credits is a number from 1 to"),
        ("give", "ada@example.com", 1_000_001, "--credits is a number from 1 to"),
        ("take", "ada@example.com", 1, "has 0 credits; no more can be taken"),
    ],
)
def test_what_cannot_be_done_is_said(
    site: LoopbackSite, ada: Member, action: str, to: str, credits: int, said: str
) -> None:
    assert said in str(run(action, to, credits)[1])
    assert site.entries(ada) == []


def test_who_is_not_answered_is_told_the_key_to_go_on_with(site: LoopbackSite, ada: Member) -> None:
    site.instant_is_away = True
    assert "The same request has --key ticket-7" in str(run("give", ada.email, 25, "--key", "ticket-7")[1])
