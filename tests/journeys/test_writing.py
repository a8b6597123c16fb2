"""Writing haikus: each costs one credit, none is charged twice, and none is written for nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from sandbox.world import World
from tests.drivers.deep import deep_but_for
from tests.drivers.faults import Faults
from tests.drivers.member import HTMX, JSON, MemberClient
from tests.drivers.problems import problem_in
from tests.drivers.waiting import await_that


@pytest.fixture
def ada(ada_with_ten_credits: MemberClient) -> MemberClient:
    """A member with ten credits."""
    return ada_with_ten_credits


def test_without_credits_nothing_is_written_and_the_answer_says_so(grace: MemberClient) -> None:
    answer = grace.write()
    assert answer.status_code == 402
    said = answer.json()
    assert problem_in(answer) == (402, "Insufficient credits")
    assert (said["needsCredits"], said["credits"]) == (True, 0)
    assert said["type"] == f"{grace.site}/api/#insufficient-credits"
    assert grace.haikus() == []
    page = grace.write("rain", None, **HTMX)
    assert page.status_code == 402
    assert "credits-needed" in page.headers["HX-Trigger-After-Settle"]


def test_a_haiku_costs_one_credit(ada: MemberClient) -> None:
    answer = ada.write("winter rain")
    assert answer.status_code == 201
    body = answer.json()
    assert body["credits"] == ada.credits() == 9
    assert body["haiku"]["topic"] == "winter rain"
    assert len(body["haiku"]["content"].split("\n")) == 3
    assert ada.haikus() == [body["haiku"]]
    assert ada.ledger() == [("purchase", 10, 10), ("spend", -1, 9)]


def test_a_replay_of_a_deleted_haiku_charges_nothing_and_says_so(ada: MemberClient) -> None:
    request_id = str(uuid4())
    haiku = ada.write("rain", request_id).json()["haiku"]
    ada.post(f"/haikus/{haiku['id']}/delete/", **JSON)
    again = ada.write("rain", request_id)
    assert again.status_code == 422
    assert "deleted" in again.json()["error"]
    assert ada.credits() == 9


def test_a_topic_that_names_nothing_is_refused_and_costs_nothing(ada: MemberClient) -> None:
    answer = ada.write("...!?")
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert ada.credits() == 10


def test_two_hundred_requests_at_once_over_two_processes_spend_ten_credits_ten_times(
    ada: MemberClient, world: World
) -> None:
    tabs = [ada.tab(url) for url in world.site_urls]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda number: tabs[number % 2].write(f"rain {number}"), range(200)))
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(201), statuses.count(402)) == (10, 190)
    assert (ada.credits(), len(ada.haikus())) == (0, 10)
    assert sum(entry["amount"] for entry in ada.history()) == 0


@pytest.mark.parametrize("fault", deep_but_for(1, ["drop_after", "refuse", "half_body"]))
def test_an_answer_lost_on_the_way_neither_loses_nor_repeats_a_haiku(
    ada: MemberClient, instant_faults: Faults, fault: str
) -> None:
    request_id = str(uuid4())
    instant_faults.add(fault, "/admin/transact", times=1)
    assert ada.write("rain", request_id).status_code == 201
    assert (ada.credits(), len(ada.haikus())) == (9, 1)


def test_while_instant_is_away_the_page_says_so_and_the_same_request_works_later(
    ada: MemberClient, instant_faults: Faults
) -> None:
    request_id = str(uuid4())
    instant_faults.add("drop_after", "/admin/transact", times=None)
    instant_faults.add("refuse", "/admin/query", skip=1, times=None)
    away = ada.write("rain", request_id)
    assert away.status_code == 503
    assert "Retry-After" in away.headers
    await_that(lambda: ada.get("/readyz").status_code == 503)  # it remembers for a while
    assert ada.get("/healthz").text == "ok"
    instant_faults.clear()
    assert ada.write("rain", request_id).status_code == 201
    assert (ada.credits(), len(ada.haikus())) == (9, 1)


def test_haikus_are_listed_newest_first_in_pages(ada: MemberClient) -> None:
    ada.sync(ada.buy())
    written = [ada.write(f"rain {number}").json()["haiku"]["id"] for number in range(12)]
    first = ada.get("/haikus/", **JSON).json()
    assert len(first["haikus"]) == 10
    assert [haiku["id"] for haiku in ada.haikus()] == written[::-1]


def test_a_haiku_is_deleted_without_a_refund_and_by_nobody_else(
    ada: MemberClient, grace: MemberClient
) -> None:
    haiku_id = ada.write().json()["haiku"]["id"]
    assert grace.post(f"/haikus/{haiku_id}/delete/", **JSON).status_code == 404
    assert len(ada.haikus()) == 1
    assert ada.post(f"/haikus/{haiku_id}/delete/", **JSON).json()["deleted"] is True
    assert ada.post(f"/haikus/{haiku_id}/delete/", **JSON).status_code == 404
    assert (ada.credits(), ada.haikus()) == (9, [])
