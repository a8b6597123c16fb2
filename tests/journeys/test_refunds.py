"""Money that goes back, and what the audit says of it, over real sockets."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.steps import delete, update
from sandbox.world import World
from tests.drivers.member import MemberClient
from tests.drivers.stripe import Stripe

CENTS = 500  # of a pack of ten


def audit(world: World, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code of `audit_credits`, and what it found."""
    done = world.manage("audit_credits", "--json", *arguments, check=False)
    assert "Traceback" not in done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, found


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
    stripe.press(f"disputes/{won_dispute}/win")
    ada.await_credits(2)
    stripe.press(f"disputes/{lost_dispute}/lose")
    assert ada.sync(lost).json()["credits"] == 2
    assert [amount for kind, amount, _ in ada.ledger() if kind not in ("spend", "purchase")] == [
        *(-3, -7),  # refunds
        *(-10, -10, 10),  # disputes
    ]
    assert ada.write().status_code == 201
    page = ada.get("/history/").text
    assert "Refunded" in page
    assert "Disputed" in page
    assert audit(world, "--member", ada.email)[1]["violations"] == []


def test_the_audit_names_what_was_edited_and_deleted_by_hand_and_nobody_else(
    ada_with_ten_credits: MemberClient, grace: MemberClient, world: World, instant: InstantAdmin
) -> None:
    ada = ada_with_ten_credits
    assert [ada.write().status_code for _ in range(2)] == [201, 201]
    account = UUID(instant.create_token(email=ada.email)["user"]["id"])
    entry = UUID(ada.history()[1]["id"])
    instant.transact([update("$users", account, {"credits": 500}), delete("creditEntries", entry)])
    code, found = audit(world, "--member", ada.email)
    assert (code, {each["member"] for each in found["violations"]}) == (1, {ada.email})
    texts = "\n".join(each["text"] for each in found["violations"])
    assert "it was edited by hand" in texts
    assert "is missing" in texts
    lines = world.manage("audit_credits", "--member", ada.email, check=False).stdout.splitlines()
    assert len(lines) == len(found["violations"]) + 1
    code, found = audit(world, "--member", grace.email)
    assert (code, found["violations"]) == (0, [])


@pytest.mark.parametrize(
    ("command", "away"), [("audit_credits", "INSTANT_API_URI"), ("reconcile_credits", "STRIPE_API_BASE")]
)
def test_without_instant_or_stripe_a_command_says_so_and_fails(
    world: World, monkeypatch: pytest.MonkeyPatch, command: str, away: str
) -> None:
    monkeypatch.setitem(world.site_env, away, "http://127.0.0.1:9")
    done = world.manage(command, check=False)
    assert done.returncode == 1
    assert "CommandError: Stopped" in done.stderr
    assert "Traceback" not in done.stderr
