"""Haikus that take time, in processes that stop and die under them."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from sandbox.world import World
from tests.drivers.desk import Desk
from tests.drivers.faults import Faults
from tests.drivers.instant import admin_of
from tests.drivers.language_model import Answer, Model, serving
from tests.drivers.member import JSON, MemberClient
from tests.drivers.stripe import Stripe
from tests.drivers.waiting import await_that
from tests.drivers.worlds import UNLIMITED, running_world

WAITS = JSON | {"Prefer": "wait=20"}
# Whatever is held is past its end.
AT_ONCE = {"HOLD_EXPIRES_AFTER_S": "-60"}
# What a haiku may have come to then: the states of its rows, what it changed, what is held.
OVER = [([], 0, 0), (["failed"], 0, 0), (["done"], -1, 0)]


@pytest.fixture
def model() -> Iterator[Model]:
    """A language model that waits in the middle of its first poem."""
    with serving() as model:
        model.answers = [Answer(), Answer.at_once()]
        yield model


@pytest.fixture
def slow_world(tmp_path: Path, model: Model) -> Iterator[World]:
    """A world in which that model writes the haikus."""
    env = {
        "HAIKU_GENERATOR": "haikus.generators.language_model",
        "LANGUAGE_MODEL_BASE_URL": model.url,
        "LANGUAGE_MODEL_API_KEY": "a key",
        "LANGUAGE_MODEL": "a-model",
    }
    with running_world(tmp_path, env=UNLIMITED | env) as world:
        yield world


@pytest.fixture
def ada(slow_world: World) -> MemberClient:
    """A member with ten credits."""
    ada = MemberClient.at(slow_world).sign_in()
    ada.sync(ada.buy()).raise_for_status()
    return ada


def rows(world: World) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The only member and all haikus, as Instant has them."""
    tree = admin_of(world).query({"$users": {}, "haikus": {}})
    (member,) = tree["$users"]
    return member, tree["haikus"]


def test_a_site_that_stops_finishes_what_it_writes_and_gives_up_the_rest(
    slow_world: World, ada: MemberClient, model: Model
) -> None:
    waits = model.answers[0]
    for topic in ("rain", "snow"):
        assert ada.write(topic).status_code == 202
    stopping = threading.Thread(target=slow_world.sites[0].stop)
    stopping.start()
    # What waited is given up before what runs is waited for.
    while not any(haiku["state"] == "failed" for haiku in rows(slow_world)[1]):
        stopping.join(0.02)
        assert stopping.is_alive(), "it stopped, and gave up nothing"
    waits.rest.set()
    stopping.join()
    member, haikus = rows(slow_world)
    assert {haiku["topic"]: haiku["state"] for haiku in haikus} == {"rain": "done", "snow": "failed"}
    assert (member["credits"], member["creditsHeld"]) == (9, 0)


@pytest.mark.deep
def test_what_a_process_leaves_that_dies_is_given_back(slow_world: World, ada: MemberClient) -> None:
    assert ada.write("rain").status_code == 202
    slow_world.sites[0].kill()
    member, (haiku,) = rows(slow_world)
    assert (haiku["state"], member["credits"], member["creditsHeld"]) == ("writing", 9, 1)
    slow_world.manage("reconcile_credits", env=AT_ONCE)
    member, (haiku,) = rows(slow_world)
    assert (haiku["state"], haiku["error"]) == ("failed", "expired")
    assert (member["credits"], member["creditsHeld"]) == (10, 0)


@pytest.mark.deep
def test_what_is_held_is_nobody_elses_to_spend_refund_or_reset(
    slow_world: World, ada: MemberClient, model: Model
) -> None:
    """Two credits left, one held by one tab and the other by another device; then all are taken meanwhile."""
    desk, stripe, model.answers = Desk.of(slow_world), Stripe(slow_world), [waits := Answer()]
    payment = ada.buy()
    ada.await_credits(20)
    desk.move(ada.email, "reset", 2)
    phone = ada.tab(ada.site)
    first, second = ada.write("rain"), phone.write("snow")
    assert (first.status_code, second.status_code) == (202, 202)
    assert ada.get("/api/credits", **JSON).json() == {"credits": 0, "held": 2}
    out = phone.write("wind")
    assert (out.status_code, out.json()["credits"]) == (402, 0)
    desk.move(ada.email, "reset", 5)
    stripe.refund(payment, 500)
    ada.await_credits(-5)
    # One is cancelled and its credit comes back; the other is written to its end, and paid.
    cancelled = ada.post(second.json()["haiku"]["id"].join(("/haikus/", "/cancel/")), **JSON)
    assert cancelled.json()["state"] == "failed"
    assert ada.get("/api/credits", **JSON).json() == {"credits": -4, "held": 1}
    desk.move(ada.email, "reset", 0)
    waits.rest.set()
    await_that(lambda: ada.get(first.headers["Location"], **JSON).json()["state"] == "done")
    assert ada.get("/api/credits", **JSON).json() == {"credits": 0, "held": 0}
    assert_sound(slow_world)


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_killed_at_any_call_of_it_nobody_pays_for_nothing_and_the_same_request_makes_it_one(
    slow_world: World, ada: MemberClient, model: Model
) -> None:
    site, faults, model.answers = slow_world.sites[0], Faults(slow_world.instant.url), [Answer.at_once()]
    Desk.of(slow_world).move(ada.email, "grant", 40)

    def is_killed_while_it_writes(topic: str, request_id: str, moment: str, calls_before: int) -> bool:
        """False when it makes no more calls than so many."""
        faults.add(moment, r"^/admin/(query|transact|schema)$", times=1, skip=calls_before)
        asking = threading.Thread(target=ask, args=(ada, topic, request_id))
        asking.start()
        await_that(lambda: not asking.is_alive() or any(rule["held"] for rule in faults.rules()))
        killed = asking.is_alive()
        site.kill()
        asking.join()
        faults.clear()
        site.start()
        site.await_answer("/readyz")
        return killed

    for moment in ("hold_before", "hold_after"):
        killed, calls_before = True, 0
        while killed:
            credits, topic, request_id = ada.credits(), f"{moment} {calls_before}", str(uuid4())
            killed = is_killed_while_it_writes(topic, request_id, moment, calls_before)
            slow_world.manage("reconcile_credits", env=AT_ONCE)
            member, haikus = rows(slow_world)
            left = [haiku["state"] for haiku in haikus if haiku["topic"] == topic]
            assert (left, member["credits"] - credits, member.get("creditsHeld") or 0) in OVER
            assert ada.write(topic, request_id, **WAITS).status_code == 201
            assert ada.credits() == credits - 1
            calls_before += 1
        assert calls_before > 5, "it was not killed at each of its calls"
    assert_sound(slow_world)


def ask(member: MemberClient, topic: str, request_id: str) -> None:
    """Ask for a haiku and wait, perhaps in vain."""
    with contextlib.suppress(requests.ConnectionError):
        member.write(topic, request_id, **WAITS)


def assert_sound(world: World) -> None:
    audited = world.manage("audit_credits", "--json")
    assert json.loads(audited.stdout)["violations"] == []
