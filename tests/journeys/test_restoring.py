"""A backup is put back: of the ledger while Stripe went on, and of Django's database; `docs/operations.md`."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.world import Part, World
from tests.drivers.member import JSON, MemberClient
from tests.drivers.stripe import Stripe
from tests.drivers.waiting import await_that

# SQLite's own files beside one of its databases.
BESIDE = ("-wal", "-shm")


def copy(database: Path, to: Path) -> Path:
    """A copy of a database that is in use."""
    with closing(sqlite3.connect(database)) as there, closing(sqlite3.connect(to)) as here:
        there.backup(here)
    return to


def put_back(backup: Path, database: Path) -> None:
    """The copy in place of a database that nobody uses."""
    for name in BESIDE:
        database.with_name(database.name + name).unlink(missing_ok=True)
    backup.replace(database)


def start(part: Part, path: str) -> None:
    part.start()
    part.await_answer(path)


def reconcile(world: World) -> subprocess.CompletedProcess[str]:
    return world.manage("reconcile_credits", check=False)


def violations(world: World) -> list[dict[str, str]]:
    done = world.manage("audit_credits", "--json", check=False)
    return list(json.loads(done.stdout)["violations"])


def send_everything_again(stripe: Stripe) -> None:
    """Stripe tells again of all that ever happened, and has an answer to each."""
    events = stripe.ask("/v1/events", limit="100")["data"]
    for event in events:
        stripe.post(f"/dashboard/events/{event['id']}/resend")
    await_that(
        lambda: not any(each["pending_webhooks"] for each in stripe.ask("/v1/events", limit="100")["data"])
    )


@dataclass(frozen=True)
class Hour:
    """Whoever had something in the hour that the ledger lost, and the purchase of a member whom it lost."""

    world: World
    stripe: Stripe
    ada: MemberClient
    linus: MemberClient
    grace: MemberClient
    hers: str


@pytest.fixture
def lost_hour(own_world: World, tmp_path: Path) -> Hour:
    """A ledger as it was before Ada's haiku, purchase and refund, Linus's purchases, and Grace."""
    world, stripe, (site,) = own_world, Stripe(own_world), own_world.sites
    ledger = world.data_dir / "instant.sqlite3"
    ada, linus = (MemberClient.at(world).sign_in() for _ in range(2))
    first = ada.buy()
    ada.await_credits(10)
    for _ in range(2):
        ada.write()
    backup = copy(ledger, tmp_path / "backup")
    ada.write()
    ada.buy()
    ada.await_credits(17)
    stripe.refund(first, 250)
    ada.await_credits(12)
    linus.buy()
    linus.await_credits(10)
    grace = MemberClient.at(world).sign_in()
    hers = grace.buy()
    grace.await_credits(10)
    page = linus.open_checkout()
    world.instant.stop()
    linus.pay(page)  # Stripe goes on while the ledger is away
    site.stop()
    put_back(backup, ledger)
    start(world.instant, "/health/system")
    start(site, "/readyz")
    return Hour(world, stripe, ada, linus, grace, hers)


@pytest.mark.deep
def test_a_ledger_of_an_hour_ago_is_brought_in_line_with_stripe(lost_hour: Hour) -> None:
    world, stripe, hers = lost_hour.world, lost_hour.stripe, lost_hour.hers
    ada, linus, grace = lost_hour.ada, lost_hour.linus, lost_hour.grace
    assert ada.credits() == 8
    linus.await_credits(10)  # what Stripe still tries to tell
    told = reconcile(world)
    assert told.returncode == 1
    assert "1 checkouts need review" in told.stderr
    (lost,) = (line for line in told.stdout.splitlines() if line.startswith("NEEDS REVIEW"))
    assert f"{hers} of " in lost
    assert "There is no member" in lost
    # Eight, a pack more, and five taken back; the haiku of that hour is gone, and its credit is there again.
    assert (ada.credits(), linus.credits()) == (13, 20)
    assert [each["entry"] for each in violations(world)] == [hers]

    send_everything_again(stripe)
    assert (ada.credits(), linus.credits()) == (13, 20)
    # Who was lost signs in as somebody new; whose money went back is owed nothing.
    assert grace.sign_in(grace.email).credits() == 0
    stripe.refund(hers, 500)
    told = reconcile(world)
    assert (told.returncode, "nothing to do" in told.stdout) == (0, True)
    assert violations(world) == []
    assert ada.write().status_code == 201
    grace.buy()
    grace.await_credits(10)


@pytest.mark.deep
@pytest.mark.one_process
def test_a_database_of_an_hour_ago_costs_sign_ins_and_no_credits(own_world: World, tmp_path: Path) -> None:
    world, stripe, (site,) = own_world, Stripe(own_world), own_world.sites
    database = world.data_dir / "site.sqlite3"
    ada, linus = (MemberClient.at(world).sign_in() for _ in range(2))
    reconcile(world)  # as cron does; it remembers up to when it looked for mails that were left
    backup = copy(database, tmp_path / "backup")
    grace = MemberClient.at(world).sign_in()
    left = linus.tab(linus.site)  # the cookies from before
    linus.post("/sign-out/")
    for member in (ada, grace):
        member.buy()
        member.await_credits(10)
    site.stop()
    put_back(backup, database)
    start(site, "/readyz")

    told = reconcile(world)
    assert (told.returncode, "nothing to do" in told.stdout) == (0, True)
    assert violations(world) == []
    send_everything_again(stripe)
    assert ada.credits() == 10
    # Who signed in since is signed out; who signed out stays so, since Instant knows it.
    assert [each.get("/api/credits", **JSON).status_code for each in (grace, left)] == [401, 401]
    assert grace.sign_in(grace.email).credits() == 10
    # Nobody remembers which mails were sent in that hour, so they are sent again.
    world.manage("send_mails")
    assert sum("Subject: You bought 10 credits" in mail for mail in ada.mails()) == 2
