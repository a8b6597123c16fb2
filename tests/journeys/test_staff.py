"""What staff see and do in the Django admin."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from sandbox.world import STAFF_USERNAME, World
from tests.drivers.member import MemberClient


@pytest.fixture
def staff(world: World) -> MemberClient:
    """Signed in to the admin."""
    staff = MemberClient(world.site_url, world.mail_dir)
    staff.get("/admin/login/")
    answer = staff.post(
        "/admin/login/?next=/admin/",
        {"username": STAFF_USERNAME, "password": world.keys.staff_password, "next": "/admin/"},
    )
    assert answer.status_code == 302, answer.text
    staff.http.cookies.get("csrftoken")
    return staff


def member_page(staff: MemberClient, email: str) -> str:
    found = staff.get(f"/admin/billing/member/?q={email}")
    assert email in found.text
    match = re.search(r"/admin/billing/member/[0-9a-f-]{36}/[a-z]*/?", found.text)
    assert match, found.text
    return match[0]


def test_staff_find_a_member_and_see_their_ledger(
    staff: MemberClient, ada_with_ten_credits: MemberClient
) -> None:
    page = staff.get(member_page(staff, ada_with_ten_credits.email)).text
    assert ada_with_ten_credits.email in page
    assert "Bought credits" in page


def test_staff_reset_credits_with_a_reason_that_stays_in_the_ledger_and_the_log(
    staff: MemberClient, ada_with_ten_credits: MemberClient
) -> None:
    ada = ada_with_ten_credits
    member = member_page(staff, ada.email)
    reset = re.search(r'action="([^"]*reset[^"]*)"', staff.get(member).text)
    assert reset
    form = {"credits": "4", "reason": "Paid twice by mistake", "request_id": str(uuid4())}
    answer = staff.post(reset[1], form)
    assert answer.status_code == 303, answer.text
    staff.post(reset[1], form)  # the same form sent twice
    assert ada.credits() == 4
    entries = ada.history()
    assert [(entry["kind"], entry["amount"], entry["balance"]) for entry in entries] == [
        ("reset", -6, 4),
        ("purchase", 10, 10),
    ]
    assert entries[0]["note"] == "Paid twice by mistake"
    page = staff.get(member).text
    assert STAFF_USERNAME in page
    assert "Paid twice by mistake" in staff.get("/admin/").text + page


@pytest.mark.parametrize(
    "form",
    [{"credits": "4", "reason": ""}, {"credits": "-1", "reason": "x"}, {"credits": "four", "reason": "x"}],
)
def test_a_reset_without_a_reason_or_a_number_is_refused(
    staff: MemberClient, ada_with_ten_credits: MemberClient, form: dict[str, str]
) -> None:
    member = member_page(staff, ada_with_ten_credits.email)
    reset = re.search(r'action="([^"]*reset[^"]*)"', staff.get(member).text)
    assert reset
    answer = staff.post(reset[1], form | {"request_id": str(uuid4())})
    assert (answer.status_code, answer.headers["Location"]) == (303, member)
    page = staff.get(member).text
    assert "errorlist" in page
    assert f'value="{form["credits"]}"' in page
    assert "errorlist" not in staff.get(member).text
    assert ada_with_ten_credits.credits() == 10


def test_nobody_else_gets_in(ada: MemberClient) -> None:
    assert ada.get("/admin/billing/member/").status_code == 302
