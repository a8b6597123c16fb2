"""Money that goes back, over real sockets."""

from __future__ import annotations

import json

import pytest

from sandbox.world import World
from tests.drivers.member import MemberClient
from tests.drivers.stripe import Stripe

CENTS = 500  # of a pack of ten


@pytest.mark.deep
def test_a_pack_of_which_eight_are_spent_is_refunded_by_30_and_then_70_percent(
    ada: MemberClient, world: World, stripe: Stripe
) -> None:
    checkout_id = ada.buy()
    ada.await_credits(10)
    for _ in range(8):
        assert ada.write().status_code == 201
    assert ada.credits() == 2
    stripe.refund(checkout_id, CENTS * 30 // 100)
    ada.await_credits(-1)
    refused = ada.write()
    assert (refused.status_code, refused.json()["credits"]) == (402, -1)
    stripe.refund(checkout_id, CENTS * 70 // 100)
    ada.await_credits(-8)
    assert "Your balance is below zero" in ada.get("/").text
    lost, won = ada.buy(), ada.buy()
    ada.await_credits(12)
    lost_dispute = stripe.dispute(lost)
    ada.await_credits(2)
    won_dispute = stripe.dispute(won)
    ada.await_credits(-8)
    stripe.post(f"/dashboard/disputes/{won_dispute}/win")
    ada.await_credits(2)
    stripe.post(f"/dashboard/disputes/{lost_dispute}/lose")
    assert ada.sync(lost).json()["credits"] == 2
    assert [amount for kind, amount, _ in ada.ledger() if kind not in ("spend", "purchase")] == [
        *(-3, -7),  # refunds
        *(-10, -10, 10),  # disputes
    ]
    assert ada.write().status_code == 201
    page = ada.get("/history/").text
    assert "Refunded" in page
    assert "Disputed" in page
    audited = world.manage("audit_credits", "--json", "--member", ada.email)
    assert json.loads(audited.stdout)["violations"] == []
