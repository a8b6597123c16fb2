"""From one Instant to another while members spend: freeze, copy, verify, switch, thaw; `docs/moving.md`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

import pytest
import requests

from instant_admin.client.steps import create, update
from instant_admin.ledger.entries import ENTRIES, slot_of
from instant_admin.ledger.rules import Kind
from instant_admin.ledger.writing import row_id
from sandbox.world import ROOT, World
from tests.drivers.instant import admin_of
from tests.drivers.member import MemberClient
from tests.drivers.waiting import await_that

OLD_ENTRIES = 100_000
OLD_MEMBERS = 20
BATCH = 500
PLENTY = 5_000


@pytest.fixture
def new(tmp_path: Path) -> Iterator[World]:
    """The other Instant, with nobody in it and no site."""
    new = World(tmp_path / "new")
    new.instant.start()
    try:
        new.instant.await_answer("/health/system")
        new.manage("instant_push")
        yield new
    finally:
        new.stop()


@contextmanager
def in_use(members: list[MemberClient]) -> Iterator[list[str]]:
    """Members who write one haiku after another; whatever was answered with 201 until the block ends."""
    written: list[str] = []
    over = threading.Event()

    def write(member: MemberClient) -> None:
        while not over.is_set():
            with suppress(requests.ConnectionError):  # while the site is started again
                answer = member.write()
                if answer.status_code == 201:
                    written.append(answer.json()["haiku"]["id"])

    threads = [threading.Thread(target=write, args=(member,)) for member in members]
    for thread in threads:
        thread.start()
    try:
        yield written
    finally:
        over.set()
        for thread in threads:
            thread.join()


def fill(world: World) -> None:
    """Years of movements, of members who are not here now."""
    instant = admin_of(world)
    for number in range(OLD_MEMBERS):
        member_id = UUID(instant.create_token(email=f"old{number}@example.com")["user"]["id"])
        each = OLD_ENTRIES // OLD_MEMBERS
        for first in range(1, each + 1, BATCH):
            rows = [
                {
                    "key": f"grant:{member_id}:{seq}",
                    "slot": slot_of(member_id, seq),
                    "kind": str(Kind.GRANT),
                    "amount": 1,
                    "balance": seq,
                    "note": "agreed",
                    "actor": "grace",
                    "createdAt": 1_700_000_000_000 + number * each + seq,
                    "account": str(member_id),
                }
                for seq in range(first, first + BATCH)
            ]
            instant.transact([create(ENTRIES, row_id(), row) for row in rows])
        instant.transact([update("$users", member_id, {"credits": each, "creditSeq": each})])


def run(world: World, *command: str, kill_when: Path | None = None, **env: str) -> tuple[str, int]:
    """Run a command; what it says at its end, and the most memory that it had, in KiB. Or kill it on its way."""
    size = kill_when.stat().st_size if kill_when is not None and kill_when.exists() else 0
    with subprocess.Popen(  # noqa: S603  the command is our own
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env={**world.site_env, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        if kill_when is not None:
            await_that(lambda: kill_when.exists() and kill_when.stat().st_size > size)
            process.kill()
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert kill_when is not None or process.returncode == 0, said
    return said.strip(), used.ru_maxrss


def violations(world: World) -> list[str]:
    return list(json.loads(world.manage("audit_credits", "--json").stdout)["violations"])


def restart(world: World, **env: str) -> None:
    """Start the site with other settings."""
    (site,) = world.sites
    world.site_env.update(env)
    site.stop()
    site.start()
    site.await_answer("/readyz")


def rich_members(world: World) -> list[MemberClient]:
    """Two who have bought, and have enough to write all the time."""
    members = [MemberClient.at(world).sign_in() for _ in range(2)]
    for member in members:
        member.buy()
        member.await_credits(10)
        world.manage(
            *("credits", "give", "--to", member.email, "--credits", str(PLENTY - 10)),
            *("--reason", "to write with", "--actor", "grace"),
        )
    return members


@pytest.mark.deep
@pytest.mark.timeout(1200)
def test_a_site_moves_to_another_instant_and_nobody_loses_a_credit(
    own_world: World, new: World, tmp_path: Path
) -> None:
    old, folder, members = own_world, str(tmp_path / "moving"), rich_members(own_world)
    ledger = tmp_path / "moving" / "creditEntries.jsonl"
    memory = tmp_path / "moving" / f"imported-{new.keys.instant_app_id}.sqlite3"
    _, little_kib = run(old, "export_ledger", str(tmp_path / "before"))
    fill(old)
    with in_use(members) as written:
        run(old, "export_ledger", folder, kill_when=ledger)
        said, export_kib = run(old, "export_ledger", folder)
        assert "not frozen" in said
        run(new, "import_ledger", folder, kill_when=memory)
        restart(old, INSTANT_READ_ONLY="true")
        refused = members[0].write()
        assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
        assert members[0].email in members[0].get("/").text
    credits = [member.credits() for member in members]
    assert sum(credits) == 2 * PLENTY - len(written)
    assert violations(old) == []
    # Paid while nothing can be written: Stripe tells of it again, and whoever does not wait for that looks it up.
    members[0].pay(members[0].open_checkout())
    exported, _ = run(old, "export_ledger", folder)
    imported, import_kib = run(new, "import_ledger", folder)
    assert imported.removesuffix(" The same as the folder.") == exported
    assert max(export_kib, import_kib) < 1.3 * little_kib
    there = {name: new.site_env[name] for name in new.site_env if name.startswith("INSTANT_")}
    restart(old, **there, SHOP_ID=old.keys.instant_app_id, INSTANT_READ_ONLY="false")
    old.manage("reconcile_credits")
    for member in members:
        member.sign_in(member.email)
    assert [member.credits() for member in members] == [credits[0] + 10, credits[1]]
    assert {haiku["id"] for member in members for haiku in member.haikus()} == set(written)
    assert members[1].write().status_code == 201
    assert violations(old) == []
