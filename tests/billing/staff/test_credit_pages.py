"""The staff's forms that give, take and set credits, and give a spend back."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.members import Member
from sandbox.serving import Request, Response
from tests.drivers.site import LoopbackSite
from tests.drivers.staff import staff

pytestmark = pytest.mark.django_db

FORM = {"credits": "5", "reason": "Goodwill", "request_id": "aaaaaaaa-1111-4111-8111-111111111111"}
ACTIONS = ("grant", "take", "reset")
CONFIRMED = {"confirm": "1", "balance": "10"}


@pytest.fixture
def grace() -> Client:
    """Staff who may do everything."""
    client = Client()
    client.force_login(staff())
    return client


def address(member: Member, action: str) -> str:
    return f"/admin/billing/member/{member.id}/{action}/"


def fields_of(page: str) -> dict[str, str]:
    """What the form on a page would send."""
    (form,) = re.findall(r'<form method="post" novalidate>.*?</form>', page, re.DOTALL)
    inputs = re.findall(r"<input [^>]*>", form)
    found = {name[1]: tag for tag in inputs if (name := re.search(r'name="(\w+)"', tag))}
    values = {name: re.search(r'value="([^"]*)"', tag) for name, tag in found.items()}
    return {name: value[1] if value else "" for name, value in values.items()}


def send(client: Client, member: Member, action: str, **changes: str) -> tuple[int, str]:
    """Send the form; the status and the page."""
    answer = client.post(address(member, action), FORM | changes)
    return answer.status_code, answer.content.decode()


def do(client: Client, member: Member, action: str, **changes: str) -> str:
    """Send the form and confirm what it shows; the page after it."""
    page = client.get(address(member, action)).content.decode()
    preview = client.post(address(member, action), fields_of(page) | {"reason": "Goodwill"} | changes)
    answer = client.post(address(member, action), fields_of(preview.content.decode()), follow=True)
    assert answer.redirect_chain == [(address(member, "change"), 303)]
    return answer.content.decode()


@pytest.mark.parametrize(
    ("action", "entry", "said"),
    [
        ("grant", ("grant", 5, 15), "5 credits given, from 10 to 15, for ada@example.com."),
        ("take", ("take", -5, 5), "5 credits taken, from 10 to 5, for ada@example.com."),
        ("reset", ("reset", -5, 5), "Credits reset from 10 to 5, for ada@example.com."),
    ],
)
def test_what_was_confirmed_is_done_said_and_logged(
    site: LoopbackSite, ada: Member, grace: Client, bought: str, action: str, entry: object, said: str
) -> None:
    assert said in do(grace, ada, action, credits="5")
    assert site.ledger(ada)[1:] == [entry]
    newest = site.entries(ada)[-1]
    assert (newest.actor, newest.note) == ("grace", "Goodwill")
    text = LogEntry.objects.get().change_message
    assert text == f"{said.partition(', for')[0]}. Reason: Goodwill ({newest.key})"


@pytest.mark.parametrize("action", ACTIONS)
def test_before_it_is_confirmed_it_is_only_told(
    site: LoopbackSite, ada: Member, grace: Client, bought: str, action: str
) -> None:
    after = {"grant": 15}.get(action, 5)
    status, page = send(grace, ada, action)
    assert (status, f"ada@example.com has 10 credits and will have {after}." in page) == (200, True)
    assert (
        fields_of(page) == {"csrfmiddlewaretoken": fields_of(page)["csrfmiddlewaretoken"]} | FORM | CONFIRMED
    )
    assert (site.credits(ada), LogEntry.objects.count()) == (10, 0)


@pytest.mark.parametrize("action", ACTIONS)
def test_the_same_form_sent_twice_is_done_and_logged_once(
    site: LoopbackSite, ada: Member, grace: Client, bought: str, action: str
) -> None:
    for _ in range(2):
        assert send(grace, ada, action, **CONFIRMED)[0] == 303
    # Also where the answer was lost, and staff begin with the same form again.
    assert send(grace, ada, action)[0] == 303
    assert (len(site.entries(ada)), LogEntry.objects.count()) == (2, 1)


@pytest.mark.parametrize("action", ACTIONS)
def test_on_another_balance_than_the_one_shown_it_is_told_again(
    site: LoopbackSite, ada: Member, grace: Client, bought: str, action: str
) -> None:
    site.spend(ada)
    status, page = send(grace, ada, action, **CONFIRMED)
    assert (status, "ada@example.com has 9 credits and will have" in page) == (409, True)
    assert (site.credits(ada), fields_of(page)["balance"]) == (9, "9")
    assert grace.post(address(ada, action), fields_of(page)).status_code == 303
    assert len(site.entries(ada)) == 3


@pytest.mark.parametrize("action", ACTIONS)
def test_a_purchase_that_comes_between_is_not_overwritten(
    site: LoopbackSite, ada: Member, grace: Client, bought: str, action: str
) -> None:
    """It is credited while the form is on its way to Instant, after the balance was read."""
    site.buy(ada)

    def buy_first(request: Request, answer: Response) -> Response:
        if "/admin/query" in request.path and b"creditEntries" in request.body and b"$users" in request.body:
            site.tamper = lambda request, answer: answer
            site.deliver_all()
        return answer

    site.tamper = buy_first
    assert send(grace, ada, action, **CONFIRMED)[0] == 409
    assert (site.credits(ada), len(site.entries(ada))) == (20, 2)


def test_a_form_sent_again_with_another_number_is_shown_anew_and_then_works(
    site: LoopbackSite, ada: Member, grace: Client, bought: str
) -> None:
    send(grace, ada, "grant", **CONFIRMED)
    status, page = send(grace, ada, "grant", credits="7", balance="15", confirm="1")
    assert (status, "This form has done something else before." in page) == (422, True)
    assert fields_of(page)["request_id"] not in ("", FORM["request_id"])
    preview = grace.post(address(ada, "grant"), fields_of(page)).content.decode()
    assert grace.post(address(ada, "grant"), fields_of(preview)).status_code == 303
    assert site.credits(ada) == 22


def test_no_more_is_taken_than_there_is(site: LoopbackSite, ada: Member, grace: Client, bought: str) -> None:
    for more in ({}, CONFIRMED):
        status, page = send(grace, ada, "take", credits="11", **more)
        assert (status, "There are 10. Take at most that." in page) == (422, True)
    assert site.credits(ada) == 10


@pytest.mark.parametrize(("action", "large", "small"), [("grant", 1001, 1000), ("reset", 1011, 1010)])
def test_a_large_number_is_typed_twice(
    site: LoopbackSite, ada: Member, grace: Client, bought: str, action: str, large: int, small: int
) -> None:
    assert "credits_again" not in send(grace, ada, action, credits=str(small))[1]
    page = send(grace, ada, action, credits=str(large))[1]
    form = fields_of(page)
    assert form["credits_again"] == ""
    for again in ("", "10001"):
        answer = grace.post(address(ada, action), form | {"credits_again": again})
        assert (answer.status_code, site.credits(ada)) == (422, 10)
        assert "Type the same number as before." in answer.content.decode()
    grace.post(address(ada, action), form | {"credits_again": str(large)})
    assert site.credits(ada) == {"grant": 1011, "reset": 1011}[action]


@pytest.mark.parametrize(
    "wrong", [{"credits": "0"}, {"credits": "four"}, {"reason": " "}, {"request_id": "x"}, {"credits": "-1"}]
)
@pytest.mark.parametrize("action", ["grant", "take"])
def test_a_number_a_reason_and_an_id_are_needed(
    site: LoopbackSite, ada: Member, grace: Client, bought: str, action: str, wrong: dict[str, str]
) -> None:
    status, page = send(grace, ada, action, **CONFIRMED | wrong)
    assert (status, "errorlist" in page, site.credits(ada)) == (422, True, 10)


@pytest.mark.parametrize("action", ACTIONS)
def test_an_outage_keeps_what_was_typed(site: LoopbackSite, ada: Member, grace: Client, action: str) -> None:
    site.instant_is_away = True
    status, page = send(grace, ada, action, confirm="1", balance="0")
    assert (status, '<li class="error">' in page) == (503, True)
    kept = fields_of(page)
    assert {name: kept[name] for name in FORM} == FORM


@pytest.mark.parametrize("action", ACTIONS)
def test_a_stranger_is_404(site: LoopbackSite, grace: Client, action: str) -> None:
    page = f"/admin/billing/member/{uuid4()}/{action}/"
    assert grace.get(page).status_code == 404
    assert grace.post(page, FORM).status_code == 404
    assert grace.post(page, FORM | CONFIRMED).status_code == 404


# Give this back


def test_a_spend_is_given_back_once(site: LoopbackSite, ada: Member, grace: Client, bought: str) -> None:
    site.spend(ada)
    spend = site.entries(ada)[-1]
    page = grace.get(address(ada, "give-back"), {"spend": spend.key}).content.decode()
    assert "ada@example.com has 9 credits and will have 10." in page
    assert grace.post(address(ada, "give-back"), fields_of(page)).status_code == 422
    for _ in range(2):
        answer = grace.post(address(ada, "give-back"), fields_of(page) | {"reason": "A bad one"}, follow=True)
        assert "1 credit given back, from 9 to 10" in answer.content.decode()
    assert site.ledger(ada)[2:] == [("undo", 1, 10)]
    entry = site.entries(ada)[-1]
    page = grace.get(address(ada, "give-back"), {"spend": spend.key}).content.decode()
    assert ("by grace: A bad one" in page, "novalidate" in page) == (True, False)
    assert (entry.key, entry.ref, entry.note) == (f"undo:{spend.key}", spend.ref, "A bad one")
    assert LogEntry.objects.count() == 1


def test_nothing_but_a_members_own_spend_is_given_back(
    site: LoopbackSite, ada: Member, grace: Client, bought: str
) -> None:
    site.spend(ada)
    bob, form = site.member(), {"reason": "Mine now"}
    purchase, spend = (entry.key for entry in site.entries(ada))
    for member, key in ((ada, purchase), (bob, spend), (ada, "spend:none")):
        assert grace.get(address(member, "give-back"), {"spend": key}).status_code == 404
        assert grace.post(address(member, "give-back"), form | {"spend": key}).status_code == 404
    assert (site.credits(ada), site.credits(bob)) == (9, 0)


def test_an_outage_gives_nothing_back(site: LoopbackSite, ada: Member, grace: Client, bought: str) -> None:
    site.spend(ada)
    form = {"spend": site.entries(ada)[-1].key, "reason": "A bad one"}
    site.instant_is_away = True
    assert grace.get(address(ada, "give-back"), form).status_code == 503
    answer = grace.post(address(ada, "give-back"), form)
    assert (answer.status_code, "A bad one" in answer.content.decode()) == (503, True)
    site.instant_is_away = False
    assert site.credits(ada) == 9
