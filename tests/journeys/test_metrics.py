"""What Prometheus reads of a site on which somebody buys, spends, is refused and tries again."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import requests

from sandbox.world import HOST, Part, World, free_port
from tests.drivers.faults import Faults
from tests.drivers.member import MemberClient
from tests.drivers.prometheus import Numbers
from tests.drivers.stream import StreamClient
from tests.drivers.waiting import await_that
from tests.drivers.worlds import UNLIMITED, running_world

TOKEN = "only-for-the-journeys-and-long-enough"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A site whose numbers may be read."""
    env = UNLIMITED | {"METRICS_TOKEN": TOKEN, "METRICS_NETWORKS": HOST}
    with running_world(tmp_path_factory.mktemp("world"), env=env) as world:
        yield world


def said(url: str) -> str:
    answer = requests.get(f"{url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)
    assert answer.status_code == 200
    return answer.text


def read(url: str) -> Numbers:
    return Numbers(said(url))


@contextmanager
def two_workers(world: World, env: Mapping[str, str]) -> Iterator[str]:
    """The same site once more, in two processes behind one port; its address."""
    port = free_port()
    command = [sys.executable, "manage.py", "serve", "--workers", "2", "--host", HOST, "--port", str(port)]
    log = world.data_dir / "workers.log"
    part = Part("Two workers", command, env={**world.site_env, **env}, url=f"http://{HOST}:{port}", log=log)
    part.start()
    try:
        part.await_answer("/healthz")
        yield part.url
    finally:
        part.stop()


def test_the_numbers_tell_a_purchase_and_what_became_of_it(
    world: World, ada: MemberClient, instant_faults: Faults
) -> None:
    assert ada.write().status_code == 402
    checkout_id = ada.buy()
    ada.await_credits(10)  # the webhook
    assert ada.sync(checkout_id).json()["status"] == "already_credited"
    instant_faults.add("drop_after", "/admin/transact", times=1)
    request_id = str(uuid4())
    assert [ada.write("rain", request_id).status_code for _ in range(2)] == [201, 201]
    with StreamClient(ada) as stream:
        stream.await_credits(9)
        numbers = read(world.site_url)

    assert numbers.of("credits_movements_total", kind="purchase") == 1
    assert numbers.of("credits_movements_total", kind="spend") == 1
    generated = {
        status: numbers.of("credits_requests_total", route="haikus:write", status=status)
        for status in ("402", "201")
    }
    assert generated == {"402": 1, "201": 2}
    assert numbers.of("credits_request_seconds_count", route="haikus:write") == 3
    assert numbers.of("credits_failed_attempts_total", reason="outage") == 1
    assert numbers.of("credits_failed_attempts_total", reason="gave_up") == 0
    assert numbers.of("credits_fulfilments_total", door="webhook", outcome="credited") == 1
    assert numbers.of("credits_fulfilments_total", door="sync", outcome="already_credited") == 1
    assert numbers.of("credits_webhook_lag_seconds_count") >= 1
    assert numbers.of("credits_transaction_entries_count") == 1  # the answer to the other one was lost
    assert numbers.of("credits_outside_call_seconds_count", service="instant", outcome="failed") == 1
    assert numbers.of("credits_outside_call_seconds_count", service="instant", outcome="ok") > 5
    assert numbers.of("credits_outside_call_seconds_count", service="stripe", outcome="ok") > 2
    assert numbers.of("credits_open_streams") == 1
    await_that(lambda: read(world.site_url).of("credits_open_streams") == 0)


def test_nothing_in_them_says_who_somebody_is(world: World, ada: MemberClient) -> None:
    checkout_id = ada.buy()
    ada.await_credits(10)
    ada.write("a walk in the rain")
    ada.get(f"/history/receipts/{checkout_id}/")
    with StreamClient(ada) as stream:
        stream.await_credits(9)
        member_id = stream.text.split("event: member\ndata: ")[1].split("\n")[0]
    text = said(world.site_url)
    for private in (ada.email, checkout_id, member_id, "rain", *ada.http.cookies.values()):
        assert private not in text
    labels = {name for sample in Numbers(text).samples for name in sample.labels}
    assert labels == {"route", "status", "service", "outcome", "kind", "reason", "door", "le"}


@pytest.mark.deep
def test_several_processes_tell_their_numbers_together_and_those_of_commands_that_have_ended(
    world: World, ada_with_ten_credits: MemberClient, tmp_path: Path
) -> None:
    env = {"METRICS_FOLDER": str(tmp_path)}
    with two_workers(world, env) as url:
        for _ in range(20):
            requests.get(f"{url}/sign-in/", timeout=10)  # each over a connection of its own
        assert {read(url).of("credits_requests_total", route="accounts:sign-in") for _ in range(10)} == {20}
        assert read(url).of("credits_fulfilments_total", door="reconcile") == 0
        for _ in range(2):
            world.manage("reconcile_credits", env=env)
        once = read(url).of("credits_fulfilments_total", door="reconcile") / 2
        assert once == int(once) > 0
