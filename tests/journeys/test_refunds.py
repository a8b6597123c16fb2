"""Money that goes back, arrives late, or is never told of: what becomes of the credits, over real sockets."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
import requests

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.steps import create, delete, link, update
from sandbox.world import ROOT, World
from tests.conftest import UNLIMITED
from tests.drivers.member import FREE, TIMEOUT_S, MemberClient
from tests.drivers.stripe import Stripe

CENTS = 500  # of a pack of ten


@pytest.fixture
def stripe(world: World) -> Stripe:
    return Stripe(world)


def audit(world: World, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code of `audit_credits`, and what it found."""
    done = world.manage("audit_credits", "--json", *arguments, check=False)
    assert "Traceback" not in done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, found


def ledger(member: MemberClient) -> list[tuple[str, int, int]]:
    return [(entry["kind"], entry["amount"], entry["balance"]) for entry in reversed(member.history())]


def test_a_pack_of_which_eight_are_spent_is_refunded_by_30_and_then_70_percent(
    ada_with_ten_credits: MemberClient, world: World, stripe: Stripe, instant: InstantAdmin
) -> None:
    ada = ada_with_ten_credits
    (checkout_id,) = checkouts_of(ada, stripe, instant)
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
    assert [amount for kind, amount, _ in ledger(ada) if kind not in ("spend", "purchase")] == [
        *(-3, -7),  # refunds
        *(-10, -10, 10),  # disputes
    ]
    assert ada.write().status_code == 201
    page = ada.get("/history/").text
    assert "Refunded" in page
    assert "Disputed" in page
    assert audit(world, "--member", ada.email)[1]["violations"] == []


def admin_of(world: World) -> InstantAdmin:
    """Instant as the app's admin."""
    return InstantAdmin(
        api_uri=world.instant.url,
        app_id=world.keys.instant_app_id,
        admin_token=world.keys.instant_admin_token,
    )


def checkouts_of(member: MemberClient, stripe: Stripe, instant: InstantAdmin) -> list[str]:
    """The checkouts of a member's Stripe customer, newest first."""
    user = instant.query({"$users": {"$": {"where": {"email": member.email}}}})["$users"][0]
    found = stripe.ask("checkout/sessions", customer=user["stripeCustomerId"])["data"]
    return [str(session["id"]) for session in found]


def pay_by_debit(member: MemberClient) -> str:
    """Buy a pack by a bank debit that takes its time; the checkout's id."""
    form = {"payment_method": "bank_debit_ok"}
    answer = requests.post(member.open_checkout(), data=form, timeout=TIMEOUT_S, allow_redirects=False)
    assert answer.status_code == 303, answer.text
    return parse_qs(urlsplit(answer.headers["Location"]).query)["session_id"][0]


def test_a_bank_debit_is_credited_when_it_arrives(ada: MemberClient, stripe: Stripe) -> None:
    checkout_id = pay_by_debit(ada)
    assert ada.sync(checkout_id).json() == {"status": "pending", "credits": 0}
    assert "Payment on its way" in ada.get("/history/").text
    stripe.press(f"payments/{stripe.payment(checkout_id)}/settle")
    ada.await_credits(10)


def test_a_bank_debit_that_bounces_is_shown_as_failed(ada: MemberClient, stripe: Stripe) -> None:
    checkout_id = pay_by_debit(ada)
    stripe.press(f"payments/{stripe.payment(checkout_id)}/fail")
    assert ada.sync(checkout_id).json() == {"status": "expired", "credits": 0}
    page = ada.get("/history/").text
    assert "Payment failed" in page
    assert "Payment on its way" not in page


# With nothing delivered at all


@pytest.fixture(scope="module")
def silent_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world in which Stripe tells nobody anything."""
    world = World(tmp_path_factory.mktemp("silent"), env=UNLIMITED, deliver_webhooks=False)
    world.start()
    yield world
    world.stop()


def newcomer(world: World) -> MemberClient:
    return MemberClient(world.site_url, world.mail_dir).sign_in()


def reconcile(world: World, *arguments: str) -> list[str]:
    """The lines that `reconcile_credits` prints when all goes well."""
    done = world.manage("reconcile_credits", *arguments, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    return done.stdout.splitlines()


def test_with_no_webhook_at_all_reconcile_gives_every_buyer_their_credits(silent_world: World) -> None:
    world, stripe = silent_world, Stripe(silent_world)
    reconcile(world)
    by_card, for_free, by_debit, refunded, twice = (newcomer(world) for _ in range(5))
    bought = [by_card.buy(), for_free.buy(code=FREE), pay_by_debit(by_debit), refunded.buy()]
    bought += [twice.buy(), twice.buy(pack="price_sandbox50")]
    by_card.open_checkout()
    stripe.press(f"payments/{stripe.payment(bought[2])}/settle")
    stripe.refund(bought[3], CENTS * 30 // 100)
    missing = reconcile(world, "--dry-run")
    assert sorted(line.split()[0] for line in missing[:-1]) == sorted(bought)
    assert [member.credits() for member in (by_card, for_free, by_debit, refunded, twice)] == [0] * 5
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda _: reconcile(world), range(2)))
    found = [line.split()[0] for run in runs for line in run[:-1] if "credited" in line]
    assert sorted(found) == sorted(bought)
    assert [member.credits() for member in (by_card, for_free, by_debit, refunded, twice)] == [
        *(10, 10, 10, 7, 60)
    ]
    (summary,) = reconcile(world, "--all")
    assert summary.endswith("checkouts looked at, nothing to do.")
    assert audit(world, "--member", refunded.email) == (
        0,
        {"accounts": 1, "entries": 2, "haikus": 0, "checkouts": 1, "violations": []},
    )


def edit_credits(instant: InstantAdmin, member: MemberClient, stripe: Stripe) -> str:
    instant.transact([update("$users", id_of(instant, member), {"credits": 500})])
    return "it was edited by hand"


def delete_an_entry(instant: InstantAdmin, member: MemberClient, stripe: Stripe) -> str:
    instant.transact([delete("creditEntries", UUID(member.history()[1]["id"]))])
    return "is missing"


def charge_a_haiku_twice(instant: InstantAdmin, member: MemberClient, stripe: Stripe) -> str:
    spend = {"kind": "spend", "amount": -1, "balance": 7, "ref": member.haikus()[0]["id"]}
    plant(instant, member, f"spend:{id_of(instant, member)}:planted", spend)
    return "is a haiku that 2 spends of its owner paid for"


def credit_what_is_not_paid(instant: InstantAdmin, member: MemberClient, stripe: Stripe) -> str:
    checkout_id = urlsplit(member.open_checkout()).path.rsplit("/", 1)[1]
    purchase = {"kind": "purchase", "amount": 10, "balance": 18}
    plant(instant, member, f"purchase:{checkout_id}", purchase)
    return "but it is not paid"


def refund_in_secret(instant: InstantAdmin, member: MemberClient, stripe: Stripe) -> str:
    stripe.refund(checkouts_of(member, stripe, instant)[0], CENTS)
    return "was refunded by another amount"


def id_of(instant: InstantAdmin, member: MemberClient) -> UUID:
    user = instant.create_token(email=member.email)["user"]
    assert user is not None
    return UUID(user["id"])


def plant(instant: InstantAdmin, member: MemberClient, key: str, entry: dict[str, Any]) -> None:
    """Make a fourth entry by hand, with the balance that belongs to it."""
    account, entry_id = id_of(instant, member), uuid4()
    row = entry | {"key": key, "slot": f"{account}:4", "createdAt": 1_800_000_000_000}
    instant.transact(
        [
            create("creditEntries", entry_id, row),
            link("creditEntries", entry_id, {"account": account}),
            update("$users", account, {"credits": entry["balance"], "creditSeq": 4}),
        ]
    )


PLANTS = (
    edit_credits,
    delete_an_entry,
    charge_a_haiku_twice,
    credit_what_is_not_paid,
    refund_in_secret,
)


def test_the_audit_names_whatever_is_planted_and_nobody_else(silent_world: World) -> None:
    world, stripe, instant = silent_world, Stripe(silent_world), admin_of(silent_world)
    clean, *victims = (newcomer(world) for _ in range(1 + len(PLANTS)))
    for member in (clean, *victims):
        member.sync(member.buy())
        assert [member.write().status_code for _ in range(2)] == [201, 201]
    planted = {
        member.email: plant_one(instant, member, stripe)
        for member, plant_one in zip(victims, PLANTS, strict=True)
    }
    code, found = audit(world)
    assert code == 1
    texts = {violation["member"]: violation["text"] for violation in found["violations"]}
    assert texts.keys() == planted.keys(), found["violations"]
    assert [email for email, text in planted.items() if text not in str(found["violations"])] == []
    assert audit(world, "--member", clean.email)[0] == 0
    lines = world.manage("audit_credits", check=False).stdout.splitlines()
    assert len(lines) == len(found["violations"]) + 1


@pytest.mark.parametrize(
    ("command", "away"), [("audit_credits", "INSTANT_API_URI"), ("reconcile_credits", "STRIPE_API_BASE")]
)
def test_without_instant_or_stripe_a_command_says_so_and_fails(world: World, command: str, away: str) -> None:
    done = subprocess.run(  # noqa: S603  the arguments are our own
        [sys.executable, "manage.py", command],
        cwd=ROOT,
        env=world.site_env | {away: "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 1
    assert "CommandError: Stopped" in done.stderr
    assert "Traceback" not in done.stderr
