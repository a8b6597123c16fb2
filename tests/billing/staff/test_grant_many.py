"""Credits for a list of members."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.members import Member
from billing.staff import bulk
from sandbox.serving import Request, Response
from tests.billing.staff.conftest import browser_of_staff
from tests.drivers.site import LoopbackSite

pytestmark = pytest.mark.django_db

PAGE = "/admin/billing/member/grant/"
FORM = {"credits": "5", "reason": "Goodwill", "request_id": "aaaaaaaa-1111-4111-8111-111111111111"}
GO = {"confirm": "1"}


@pytest.fixture
def grace() -> Client:
    """Staff who may give credits."""
    return browser_of_staff("view_member", "grant_credits")


@pytest.fixture
def bob(site: LoopbackSite) -> Member:
    """Another member."""
    return site.member("bob@example.com")


def send(client: Client, *names: object, **changes: str) -> tuple[int, str]:
    answer = client.post(PAGE, FORM | {"members": "\n".join(map(str, names))} | changes)
    return answer.status_code, answer.content.decode()


def results(page: str) -> dict[str, str]:
    """What is said of each line."""
    rows = re.findall(r'<th scope="row">(.*?)</th>\s*<td class="\w+">(.*?)</td>', page)
    return {re.sub(r"<.*?>", "", name): text for name, text in rows}


def test_first_it_says_what_it_would_do(site: LoopbackSite, ada: Member, bob: Member, grace: Client) -> None:
    status, page = send(grace, "ADA@example.com", ada.id, "nobody@example.com", bob.id, "bob")
    assert (status, site.credits(ada), site.credits(bob)) == (200, 0, 0)
    assert results(page) == {
        "ADA@example.com": "Has 0 and will have 5.",
        str(ada.id): "Stands in the list already.",
        "nobody@example.com": "There is no such member.",
        str(bob.id): "Has 0 and will have 5.",
        "bob": "There is no such member.",
    }
    assert 'name="confirm" value="1"' in page


def test_then_each_gets_theirs_once(site: LoopbackSite, ada: Member, bob: Member, grace: Client) -> None:
    for _ in range(2):
        page = send(grace, ada.email, bob.email, ada.id, **GO)[1]
        assert results(page)[ada.email] == results(page)[bob.email] == "Had 0 and has 5."
        assert 'name="confirm"' not in page
    assert site.ledger(ada) == site.ledger(bob) == [("grant", 5, 5)]
    logged = [entry.object_id for entry in LogEntry.objects.order_by("pk")]
    assert logged == [str(ada.id), str(bob.id)]


def test_a_long_list_goes_on_where_it_stopped(site: LoopbackSite, grace: Client) -> None:
    members = [site.member() for _ in range(bulk.AT_ONCE + 2)]
    names = [member.email for member in members]
    for done in (bulk.AT_ONCE, len(names)):
        page = send(grace, *names, **GO)[1]
        assert f"{done} done, {len(names) - done} to do, 0 left out." in page
    assert {site.credits(member) for member in members} == {5}


def test_after_an_outage_it_goes_on(site: LoopbackSite, ada: Member, bob: Member, grace: Client) -> None:
    def go_away(request: Request, answer: Response) -> Response:
        site.instant_is_away = site.instant_is_away or request.path.endswith("/transact")
        return answer

    site.tamper = go_away
    page = send(grace, ada.email, bob.email, **GO)[1]
    assert "nothing came of this attempt" in results(page)[bob.email]
    assert 'value="Go on"' in page
    assert send(grace, ada.email, bob.email, **GO)[0] == 503
    site.tamper, site.instant_is_away = lambda request, answer: answer, False
    send(grace, ada.email, bob.email, **GO)
    assert site.ledger(ada) == site.ledger(bob) == [("grant", 5, 5)]


def test_another_number_is_another_list(site: LoopbackSite, ada: Member, grace: Client) -> None:
    send(grace, ada.email, **GO)
    page = send(grace, ada.email, credits="7", **GO)[1]
    assert results(page) == {ada.email: "Was given 5 with this list before. Begin a new list to give more."}
    assert site.credits(ada) == 5


def test_a_large_sum_is_typed_twice(site: LoopbackSite, ada: Member, bob: Member, grace: Client) -> None:
    for again, status, credits in (("", 422, 0), ("501", 200, 501)):
        assert send(grace, ada.email, bob.email, credits="501", credits_again=again, **GO)[0] == status
        assert site.credits(bob) == credits


@pytest.mark.parametrize(
    "wrong", [{"members": " "}, {"members": "a\n" + "b@example.com\n" * 2 + "\n".join(map(str, range(1000)))}]
)
def test_a_list_has_some_and_not_too_many(site: LoopbackSite, grace: Client, wrong: dict[str, str]) -> None:
    status, page = send(grace, **wrong)
    assert (status, "errorlist" in page) == (422, True)


def test_who_was_chosen_stands_in_the_list(site: LoopbackSite, ada: Member, grace: Client) -> None:
    assert PAGE in grace.get("/admin/billing/member/").content.decode()
    page = grace.get(PAGE, {"member": [ada.email, "bob@example.com"]}).content.decode()
    assert "ada@example.com\nbob@example.com</textarea>" in page


def test_an_unknown_id_is_nobody(site: LoopbackSite, grace: Client) -> None:
    stranger = str(uuid4())
    assert results(send(grace, stranger)[1]) == {stranger: "There is no such member."}
