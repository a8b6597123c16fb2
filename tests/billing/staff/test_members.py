"""How staff find members, and what they see of one."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.codes import member_of
from accounts.members import Member
from billing.history import history_of
from billing.staff import search
from billing.staff.bulk import grant_to_many
from billing.staff.search import Only, Sort, find_members
from instant_admin.client.steps import update
from instant_admin.ledger.movements import Reset
from tests.billing import commands
from tests.billing.staff.conftest import browser_of_staff
from tests.drivers.signed_in import browser_of
from tests.drivers.site import LoopbackSite

pytestmark = pytest.mark.django_db

LIST = "/admin/billing/member/"


@pytest.fixture
def grace() -> Client:
    """Staff who may look."""
    return browser_of_staff("view_member")


def emails(q: str = "", **options: Any) -> list[str]:
    return [member.email for member in find_members(q, **options).members]


def test_what_is_searched_for_is_a_text_and_no_pattern(site: LoopbackSite, ada: Member) -> None:
    assert emails(" DA@ ") == [ada.email]
    assert emails("%") == emails("a_a") == emails("\\") == []


@pytest.mark.parametrize(
    "spelling", ["ZOE@Bücher.example", "zoe@bu\u0308cher.example", "Zoe@XN--bcher-kva.example"]
)
def test_staff_and_commands_find_a_member_by_any_spelling_of_the_address(
    site: LoopbackSite, grace: Client, spelling: str
) -> None:
    zoe = site.member("zoe@xn--bcher-kva.example")
    for page in (grace.get(LIST, {"q": spelling}), grace.get(f"{LIST}{zoe.id}/change/")):
        assert "zoe@bücher.example" in page.content.decode()
    many: dict[str, Any] = {"credits": 5, "reason": "Sorry", "staff_name": "grace", "cause": uuid4()}
    many["dry_run"] = True
    assert [line.member and line.member.id for line in grant_to_many([spelling], **many)] == [zoe.id]
    gave = commands.run(
        "credits", "give", "--to", spelling, "--credits", "5", "--reason", "x", "--actor", "grace"
    )
    assert gave[1] is None
    assert commands.run("audit_credits", "--member", spelling)[1] is None
    assert commands.run("delete_account", spelling, "--no-input") == (f"Deleted: {zoe.id}\n", None)


def test_any_id_leads_to_its_member(site: LoopbackSite, ada: Member, bought: str) -> None:
    site.member("bob@example.com")
    payment, customer = site.payment_of(bought), str(history_of(ada).customer_id)
    for known in (str(ada.id), str(ada.id).upper(), bought, payment, customer):
        assert emails(known) == [ada.email]
    for unknown in (str(uuid4()), "cs_test_none", "cs_/../x", "pi_none", "cus_none"):
        assert emails(unknown) == []


def test_what_is_paid_and_not_credited_leads_to_its_member(site: LoopbackSite, ada: Member) -> None:
    assert emails(site.buy(ada)) == [ada.email]


def test_the_list_has_balance_last_movement_and_purchases(
    site: LoopbackSite, ada: Member, grace: Client
) -> None:
    bob = site.member("bob@example.com")
    site.buy(ada)
    site.buy(ada)
    site.deliver_all()
    site.spend(ada)
    found = {member.id: member for member in find_members().members}
    assert (found[ada.id].credits, found[ada.id].purchases) == (19, 2)
    assert found[ada.id].moved_at == site.entries(ada)[-1].created_at
    assert (found[bob.id].credits, found[bob.id].purchases, found[bob.id].moved_at) == (0, 0, None)
    page = grace.get(LIST).content.decode()
    assert site.entries(ada)[-1].created_at.strftime("%Y-%m-%d %H:%M") in page


@pytest.fixture
def several(site: LoopbackSite, ada: Member) -> None:
    """Ada has nothing, and others have little, debts, or a lot. They joined and moved in this order."""
    for name, credits in (("low", 3), ("lower", -2), ("rich", 100)):
        site.instant.now += 60
        site.member(f"{name}@example.com", credits=credits)


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        (Sort.EMAIL, ["ada", "low", "lower", "rich"]),
        (Sort.EMAIL_BACKWARDS, ["rich", "lower", "low", "ada"]),
        (Sort.BALANCE, ["lower", "low", "rich"]),
        (Sort.BALANCE_HIGHEST, ["rich", "low", "lower", "ada"]),
        (Sort.MOVED, ["rich", "lower", "low"]),
        (Sort.JOINED, ["ada", "low", "lower", "rich"]),
        (Sort.JOINED_LAST, ["rich", "lower", "low", "ada"]),
    ],
)
@pytest.mark.usefixtures("several")
def test_the_list_is_sorted_by_each_column(site: LoopbackSite, sort: Sort, found: list[str]) -> None:
    assert [email.partition("@")[0] for email in emails(sort=sort)] == found
    assert emails("low", sort=sort) == [email for email in emails(sort=sort) if "low" in email]


def test_who_bought_most_comes_first(site: LoopbackSite, ada: Member, bought: str) -> None:
    bob, eve = site.member("bob@example.com"), site.member("eve@example.com")
    for buyer in (bob, eve, bob):
        site.buy(buyer)
        site.deliver_all()
    site.spend(eve)
    site.buy(bob)
    site.deliver_all()
    assert emails(sort=Sort.PURCHASES)[0] == bob.email
    assert [member.purchases for member in find_members(sort=Sort.PURCHASES).members] == [3, 1, 1]
    rows = site.admin.query({"$users": {"$": {"where": {"id": str(bob.id)}}}})["$users"]
    assert rows[0]["purchases"] == 3


def test_some_members_are_picked_out(site: LoopbackSite, ada: Member, bought: str, several: None) -> None:
    site.dispute(bought)
    site.deliver_all()
    assert emails(only=Only.NEGATIVE) == ["lower@example.com"]
    assert emails(only=Only.LOW) == [ada.email, "low@example.com"]
    assert emails(only=Only.DISPUTE, sort=Sort.MOVED) == emails(only=Only.DISPUTE) == [ada.email]
    never = ["low@example.com", "lower@example.com", "rich@example.com"]
    assert emails(only=Only.NEVER_BOUGHT) == never
    assert emails("low@", only=Only.LOW) == ["low@example.com"]


def test_who_bought_before_purchases_were_counted_has_not_never_bought(
    site: LoopbackSite, ada: Member, bought: str
) -> None:
    site.admin.transact([update("$users", ada.id, {"purchases": None})])
    assert emails(only=Only.NEVER_BOUGHT) == []
    site.buy(ada)
    site.deliver_all()
    assert site.admin.query({"$users": {}})["$users"][0]["purchases"] == 2


def test_by_last_movement_a_member_stands_once_on_all_pages(site: LoopbackSite, ada: Member) -> None:
    members = [site.member(f"member{number:02}@example.com") for number in range(search.PAGE_SIZE + 1)]
    for number, member in enumerate([*members, *members]):
        site.instant.now += 1
        site.store.post(member.id, Reset(key=f"reset:{number}", credits=number))
    asked = site.asked_instant
    first = find_members(sort=Sort.MOVED)
    assert site.asked_instant - asked == 2
    second = find_members(sort=Sort.MOVED, after=first.next or 0)
    shown = [member.email for member in (*first.members, *second.members)]
    assert shown == [member.email for member in reversed(members)]
    assert second.next is None


@pytest.mark.parametrize("sort", [*Sort])
def test_a_page_takes_no_query_for_each_of_its_members(site: LoopbackSite, sort: Sort) -> None:
    for number in range(search.PAGE_SIZE):
        member = site.member()
        site.store.post(member.id, Reset(key=f"reset:{number}", credits=number))
    asked = site.asked_instant
    assert len(find_members(sort=sort).members) == search.PAGE_SIZE
    assert site.asked_instant - asked == 2


def test_when_somebody_joined_is_written_down(site: LoopbackSite, grace: Client) -> None:
    member_of("new@example.com")
    joined = find_members("new@").members[0].joined_at
    assert joined is not None
    assert timezone.now() - joined < timedelta(minutes=1)
    member_of("new@example.com")
    assert find_members("new@").members[0].joined_at == joined
    assert f"{joined:%Y-%m-%d}" in grace.get(LIST).content.decode()


@pytest.mark.usefixtures("several")
def test_the_heads_of_the_list_sort_it(site: LoopbackSite, grace: Client) -> None:
    page = grace.get(LIST, {"only": "low", "after": "0"}).content.decode()
    assert '<a href="?only=low&amp;sort=-balance">' not in page
    for sort in ("-email", "balance", "-moved", "-purchases", "-joined"):
        assert f'<a href="?only=low&amp;sort={sort}">' in page
    page = grace.get(LIST, {"sort": "balance"}).content.decode()
    assert '<a href="?sort=-balance">' in page
    assert page.count('aria-sort="ascending"') == 1
    assert page.index("lower@") < page.index("rich@")
    assert grace.get(LIST, {"sort": "height"}).status_code == 200


def test_the_list_goes_on_on_the_next_page(site: LoopbackSite, grace: Client) -> None:
    made = [site.member(f"member{number:02}@example.com").email for number in range(search.PAGE_SIZE + 1)]
    assert emails("member") + emails("member", after=search.PAGE_SIZE) == made
    first = grace.get(LIST, {"q": "member"}).content.decode()
    assert "?q=member&amp;after=50" in first
    assert "member50@" not in first
    second = grace.get(f"{LIST}?q=member&after=50").content.decode()
    assert ("member50@" in second, "after=100" in second) == (True, False)
    assert "Nobody on this page." in grace.get(f"{LIST}?q=member&after=100").content.decode()


def test_a_members_page_leads_into_stripe(
    site: LoopbackSite, ada: Member, grace: Client, bought: str
) -> None:
    customer, payment = history_of(ada).customer_id, f"{LIST}{ada.id}/payments/{bought}/"
    page = grace.get(f"{LIST}{ada.id}/change/").content.decode()
    assert f"https://dashboard.stripe.com/test/customers/{customer}" in page
    assert payment in page
    answer = grace.get(payment)
    there = f"https://dashboard.stripe.com/test/payments/{site.payment_of(bought)}"
    assert (answer.status_code, answer["Location"]) == (303, there)


def test_a_free_purchase_leads_to_its_customer(site: LoopbackSite, ada: Member, grace: Client) -> None:
    free = site.buy(ada, promotion_code="TESTING100")
    answer = grace.get(f"{LIST}{ada.id}/payments/{free}/")
    assert answer["Location"].endswith(f"/test/customers/{history_of(ada).customer_id}")


def test_a_payment_of_somebody_else_leads_nowhere(site: LoopbackSite, grace: Client, bought: str) -> None:
    assert grace.get(f"{LIST}{site.member().id}/payments/{bought}/").status_code == 404


def test_it_says_how_many_of_each_product_a_member_has(
    site: LoopbackSite, ada: Member, grace: Client, bought: str
) -> None:
    site.spend(ada, 2)
    assert "Haiku: 2" in grace.get(f"{LIST}{ada.id}/change/").content.decode()


def test_stripe_away_is_said(site: LoopbackSite, ada: Member, grace: Client, bought: str) -> None:
    site.stripe_is_away = True
    assert grace.get(LIST, {"q": bought}).status_code == 503
    answer = grace.get(f"{LIST}{ada.id}/payments/{bought}/", follow=True)
    assert '<li class="error">' in answer.content.decode()


def of(member: Member) -> str:
    return f"{LIST}{member.id}/change/"


def test_a_members_page_has_what_became_of_each_purchase(
    site: LoopbackSite, ada: Member, grace: Client, bought: str
) -> None:
    site.refund(site.buy(ada), 150)
    site.deliver_all()
    page = grace.get(of(ada)).content.decode()
    assert re.findall(r"<td>(Paid|Refunded in part .*?)</td>", page) == ["Refunded in part ($1.50)", "Paid"]
    assert page.count("<td>Visa …4242</td>") == 2
    assert page.count("$5.00") == 2
    assert f"{LIST}{ada.id}/payments/{bought}/" in page
    site.stripe_is_away = True
    page = grace.get(of(ada)).content.decode()
    assert ("Stripe does not answer" in page, page.count("<td>Credits added</td>")) == (True, 2)


def test_a_members_ledger_is_filtered_and_paged(
    site: LoopbackSite, ada: Member, grace: Client, bought: str
) -> None:
    site.spend(ada, 7)
    page = grace.get(of(ada), {"kind": "bought"}).content.decode()
    assert ("Bought credits" in page, "Give this back" in page) == (True, False)
    assert '<option value="bought" selected>' in page
    assert "No entries of this kind" in grace.get(of(ada), {"kind": "staff"}).content.decode()
    for number in range(20):
        site.store.post(ada.id, Reset(key=f"reset:{number}", credits=number, note=f"Reason {number}."))
    page = grace.get(of(ada), {"kind": "staff", "days": "30"}).content.decode()
    assert "Older" not in page
    site.store.post(ada.id, Reset(key="reset:last", credits=50, note="Reason last."))
    page = grace.get(of(ada), {"kind": "staff", "days": "30"}).content.decode()
    (older,) = re.findall(r'<a href="(\?[^"]*)#ledger">Older', page)
    page += grace.get(of(ada) + unescape(older)).content.decode()
    reasons = re.findall(r"<td>Reason (\w+)\.</td>", page)
    assert reasons == ["last", *map(str, reversed(range(20)))]
    assert grace.get(of(ada), {"kind": "nonsense"}).status_code == 303


def test_a_members_sessions_are_listed(site: LoopbackSite, ada: Member, grace: Client) -> None:
    assert "Not signed in anywhere." in grace.get(of(ada)).content.decode()
    browser_of(ada)
    page = grace.get(of(ada)).content.decode()
    assert re.search(r"<li>[^<]+, since \d{4}-\d\d-\d\d \d\d:\d\d UTC</li>", page)
