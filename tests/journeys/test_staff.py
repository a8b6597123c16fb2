"""What staff see and do in the Django admin."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.world import World
from tests.drivers.desk import Desk, fields_of
from tests.drivers.member import MemberClient


@pytest.fixture
def ada(ada_with_ten_credits: MemberClient) -> MemberClient:
    """A member with ten credits."""
    return ada_with_ten_credits


@pytest.fixture
def desk(world: World) -> Desk:
    """Signed in to the admin."""
    return Desk.of(world)


def test_a_form_sent_several_times_at_once_is_done_and_logged_once(desk: Desk, ada: MemberClient) -> None:
    grant = desk.form_of(ada.email, "grant")
    confirmed = fields_of(desk.preview(grant, credits="4", reason="Pressed with impatience").text)
    tabs = [desk.tab(desk.site) for _ in range(4)]
    logged = desk.get("/admin/").text.count(f">{ada.email}</a>")
    with ThreadPoolExecutor(len(tabs)) as hands:
        answers = list(hands.map(lambda tab: tab.post(grant, confirmed).status_code, tabs))
    assert answers == [303] * len(tabs)
    assert ada.ledger() == [("purchase", 10, 10), ("grant", 4, 14)]
    assert desk.get("/admin/").text.count(f">{ada.email}</a>") == logged + 1
