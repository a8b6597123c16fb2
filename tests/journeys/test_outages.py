"""A service dies and comes back, with the breakers as they are in production."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from instant_admin.client.breaker import FAILURES_LIMIT
from sandbox.world import HOST
from tests.drivers.faults import Faults
from tests.drivers.member import MemberClient
from tests.drivers.prometheus import Numbers
from tests.drivers.waiting import await_that
from tests.drivers.worlds import UNLIMITED, running_world

# What is promised to who waits for it.
BACK_WITHIN_S = 5


@pytest.mark.deep
def test_a_dead_instant_is_left_alone_and_the_site_is_well_soon_after_it(
    stack: ExitStack, tmp_path: Path
) -> None:
    world = stack.enter_context(running_world(tmp_path, env=UNLIMITED | {"METRICS_NETWORKS": HOST}))
    ada = MemberClient.at(world).sign_in()
    faults = Faults(world.instant.url)

    def is_left_alone() -> float:
        said = requests.get(f"{world.site_url}/metrics", timeout=10).text
        return Numbers(said).of("credits_breaker_open", service="instant")

    assert not is_left_alone()
    faults.add("refuse", "^/admin/query$", times=None)
    pages = [ada.get("/") for _ in range(10)]
    assert {page.status_code for page in pages} == {503}
    # Every page asked three times before.
    assert faults.rules()[0]["hits"] < 2 * FAILURES_LIMIT
    assert is_left_alone()
    faults.clear()
    await_that(lambda: ada.get("/").status_code == 200, BACK_WITHIN_S)
    assert not is_left_alone()
