"""Writing haikus: each costs one credit, none is charged twice, and none is written for nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.errors import InstantRejected
from instant_admin.client.steps import create, delete, link, update
from sandbox.world import World
from tests.drivers.faults import Faults
from tests.drivers.member import HTMX, JSON, MemberClient


@pytest.fixture
def ada(ada_with_ten_credits: MemberClient) -> MemberClient:
    """A member with ten credits."""
    return ada_with_ten_credits


def test_without_credits_nothing_is_written_and_the_answer_says_so(grace: MemberClient) -> None:
    answer = grace.write()
    assert answer.status_code == 402
    assert answer.json() == {"error": "Insufficient credits", "needsCredits": True, "credits": 0}
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


def test_the_same_request_again_is_the_same_haiku_and_no_second_charge(ada: MemberClient) -> None:
    request_id = str(uuid4())
    first, again = ada.write("rain", request_id), ada.write("rain", request_id)
    assert again.status_code == 201
    assert again.json() == first.json()
    assert (ada.credits(), len(ada.haikus())) == (9, 1)


def test_a_request_id_used_with_another_topic_or_by_another_member_is_not_confused(
    ada: MemberClient, grace: MemberClient
) -> None:
    request_id = str(uuid4())
    ada.write("rain", request_id)
    assert ada.write("snow", request_id).status_code == 422
    assert grace.write("rain", request_id).status_code == 402
    assert (ada.credits(), len(ada.haikus()), grace.haikus()) == (9, 1, [])


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


@pytest.mark.parametrize("fault", ["refuse", "drop_after", "half_body"])
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
    assert (ada.get("/readyz").status_code, ada.get("/healthz").text) == (503, "ok")
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
    assert ada.post(f"/haikus/{haiku_id}/delete/", **JSON).json() == {"deleted": True}
    assert ada.post(f"/haikus/{haiku_id}/delete/", **JSON).status_code == 404
    assert (ada.credits(), ada.haikus()) == (9, [])


def test_a_member_can_write_nothing_in_instant_and_read_nobody_elses(
    ada: MemberClient, grace: MemberClient, instant: InstantAdmin
) -> None:
    """What someone can do who takes their own refresh token to Instant, around the site."""
    ada.write()
    user = instant.create_token(email=ada.email)["user"]
    ada_id, as_ada = UUID(user["id"]), instant.as_member(user["refresh_token"])
    haiku_id = as_ada.query({"haikus": {}})["haikus"][0]["id"]
    entry_id = as_ada.query({"creditEntries": {}})["creditEntries"][0]["id"]
    entry = {"key": "k", "slot": "s", "kind": "grant", "amount": 99, "balance": 99, "createdAt": 1}
    for steps in (
        [update("$users", ada_id, {"credits": 99})],
        [update("$users", ada_id, {"creditSeq": 0})],
        [create("creditEntries", uuid4(), entry)],
        [update("creditEntries", entry_id, {"amount": 99})],
        [delete("creditEntries", entry_id)],
        [link("creditEntries", uuid4(), {"account": ada_id})],
        [create("haikus", uuid4(), {"topic": "t", "content": "c", "createdAt": 1})],
        [update("haikus", haiku_id, {"content": "mine"})],
    ):
        with pytest.raises(InstantRejected):
            as_ada.transact(steps)
    as_grace = instant.as_member(instant.create_token(email=grace.email)["user"]["refresh_token"])
    assert as_grace.query({"haikus": {}, "creditEntries": {}}) == {"haikus": [], "creditEntries": []}
    assert [user["email"] for user in as_grace.query({"$users": {}})["$users"]] == [grace.email]
    with pytest.raises(InstantRejected):
        as_grace.transact([delete("haikus", haiku_id)])
    assert instant.as_guest().query({"haikus": {}, "$users": {}}) == {"haikus": [], "$users": []}
    assert ada.credits() == 9
