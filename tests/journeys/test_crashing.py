"""The site is killed at each of its outside calls of a fulfilment; Stripe's redelivery makes it right."""

from __future__ import annotations

import threading

import pytest

from sandbox.world import World
from tests.drivers.deep import deep_but_for
from tests.drivers.faults import Faults
from tests.drivers.member import MemberClient

# Which stand-in is called, with what, in the order of a fulfilment.
CALLS = {
    "read the session": ("stripe", "GET", r"^/v1/checkout/sessions/cs_"),
    "check the guards": ("instant", "GET", r"^/admin/schema$"),
    "read the balance": ("instant", "POST", r"^/admin/query$"),
    "write the entry": ("instant", "POST", r"^/admin/transact$"),
    "mark the session": ("stripe", "POST", r"^/v1/checkout/sessions/cs_"),
}


@pytest.mark.deep
def test_killed_at_any_call_of_a_fulfilment_the_balance_is_right_after_redelivery(own_world: World) -> None:
    world, site = own_world, own_world.sites[0]
    ada = MemberClient.at(world).sign_in()
    credits = 0
    for stand_in, method, path in CALLS.values():
        for moment in ("hold_before", "hold_after"):
            faults = Faults(world.instant.url if stand_in == "instant" else world.stripe.url)
            page = ada.open_checkout()
            # A fresh process, so that this fulfilment makes every call, the check of the guards among them.
            site.kill()
            site.start()
            site.await_answer("/healthz")
            faults.add(moment, path, method=method, times=1)
            ada.pay(page)  # Stripe's webhook now runs into the fault
            faults.await_held()
            site.kill()
            faults.clear()
            site.start()
            site.await_answer("/readyz")
            credits += 10
            ada.await_credits(credits)
    assert [entry["amount"] for entry in ada.history()] == [10] * (2 * len(CALLS))


@pytest.mark.parametrize("moment", deep_but_for(1, ["hold_before", "hold_after"]))
def test_killed_while_writing_a_haiku_the_same_request_makes_it_one(own_world: World, moment: str) -> None:
    site, faults = own_world.sites[0], Faults(own_world.instant.url)
    ada = MemberClient.at(own_world).sign_in()
    ada.sync(ada.buy())
    faults.add(moment, r"^/admin/transact$", times=1)
    request_id = "5f0c7a52-8a63-4d0e-9b39-4e1f6a7f0d11"

    def kill_when_held() -> None:
        faults.await_held()
        site.kill()
        faults.clear()

    killer = threading.Thread(target=kill_when_held)
    killer.start()
    with pytest.raises(OSError, match=r"."):
        ada.write("rain", request_id)
    killer.join()
    site.start()
    site.await_answer("/readyz")
    assert ada.write("rain", request_id).status_code == 201
    assert (ada.credits(), len(ada.haikus())) == (9, 1)


def test_nothing_that_was_acknowledged_is_lost_when_the_stand_ins_are_killed(own_world: World) -> None:
    ada = MemberClient.at(own_world).sign_in()
    checkout_id = ada.buy()
    assert ada.sync(checkout_id).json()["credits"] == 10
    for part in (own_world.instant, own_world.stripe):
        part.kill()
        part.start()
    own_world.instant.await_answer("/health/system")
    own_world.stripe.await_answer("/dashboard/")
    assert ada.credits() == 10
    assert ada.sync(checkout_id).json()["status"] == "already_credited"
