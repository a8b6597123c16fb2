"""The audit is silent about a ledger as the site writes it, and names each thing that is wrong with another."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command

from accounts.members import Member
from billing.audit.account import MISSING_LIMIT, Violation
from billing.audit.run import SLOTS_AT_ONCE, Audit
from instant_admin.client.steps import create, delete, link, unlink, update
from instant_admin.client.types import Step
from instant_admin.ledger.rules import Entry, Reset
from instant_admin.ledger.store import row_id
from tests.drivers.site import LoopbackSite, haiku, opened

Damage = Callable[[LoopbackSite, Member], object]


@pytest.fixture
def busy_ada(site: LoopbackSite, ada: Member) -> Member:
    """A member who bought ten credits twice, was refunded a part of one, and wrote three haikus."""
    site.buy(ada)
    site.refund(site.buy(ada), 150)
    site.deliver_all()
    site.spend(ada, 3)
    return ada


def violations(email: str | None = None) -> list[Violation]:
    return list(Audit(email=email).violations())


def set_account(site: LoopbackSite, member: Member, **values: object) -> None:
    """Edit `$users` by hand, as Instant's dashboard lets one."""
    site.admin.transact([update("$users", member.id, values, upsert=False)])


def entry_at(site: LoopbackSite, member: Member, seq: int) -> Entry:
    return site.entries(member)[seq - 1]


def edit_entry(seq: int, **values: object) -> Damage:
    return lambda site, member: site.admin.transact(
        [update("creditEntries", entry_at(site, member, seq).id, values, upsert=False)]
    )


def delete_entry(seq: int) -> Damage:
    return lambda site, member: site.admin.transact([delete("creditEntries", entry_at(site, member, seq).id)])


def forge(account: UUID, slot: str, **values: object) -> list[Step]:
    """The steps that make an entry by hand."""
    row = {"key": f"grant:{uuid4()}", "slot": slot, "kind": "grant", "amount": 0, "balance": 14} | values
    entry_id = row_id()
    return [
        create("creditEntries", entry_id, row | {"createdAt": 1_800_000_000_000}),
        link("creditEntries", entry_id, {"account": account}),
    ]


def append(site: LoopbackSite, member: Member, **values: object) -> None:
    """Make an entry by hand that is numbered as it should be, and set the balance to what it leaves."""
    account = site.store.account(member.id)
    values = {"balance": account.credits + int(str(values.get("amount", 0)))} | values
    steps = forge(member.id, f"{member.id}:{account.seq + 1}", **values)
    balance = {"credits": values["balance"], "creditSeq": account.seq + 1}
    site.admin.transact([*steps, update("$users", member.id, balance, upsert=False)])


def spend_edited_credits(site: LoopbackSite, member: Member) -> None:
    set_account(site, member, credits=50)
    site.spend(member)


def pay_again_for_a_haiku(site: LoopbackSite, member: Member) -> None:
    last = site.entries(member)[-1]
    append(site, member, kind="spend", key=f"spend:{member.id}:again", amount=-1, ref=last.ref)


def write_for_nothing(site: LoopbackSite, member: Member) -> None:
    site.admin.transact(haiku(row_id(), member.id))


def write_as_nobody(site: LoopbackSite, member: Member) -> None:
    site.admin.transact(haiku(row_id(), member.id)[:1])


def credit_an_open_checkout(site: LoopbackSite, member: Member) -> None:
    checkout_id = site.open_checkout(member)
    append(site, member, kind="purchase", key=f"purchase:{checkout_id}", amount=10, ref=checkout_id)


def credit_too_much(site: LoopbackSite, member: Member) -> None:
    checkout_id = site.buy(member)
    append(site, member, kind="purchase", key=f"purchase:{checkout_id}", amount=99, ref=checkout_id)


def credit_another_members(site: LoopbackSite, member: Member) -> None:
    checkout_id = site.buy(site.member("grace@example.com"))
    append(site, member, kind="purchase", key=f"purchase:{checkout_id}", amount=10, ref=checkout_id)


def steal_the_link(site: LoopbackSite, member: Member) -> None:
    grace = site.member("grace@example.com")
    steps = [link("creditEntries", entry_at(site, member, 2).id, {"account": grace.id})]
    site.admin.transact(steps)


def drop_the_link(site: LoopbackSite, member: Member) -> None:
    steps = [unlink("creditEntries", entry_at(site, member, 2).id, {"account": member.id})]
    site.admin.transact(steps)


def give_a_haiku_away(site: LoopbackSite, member: Member) -> None:
    """Grace has a haiku for which Ada paid."""
    grace = site.member("grace@example.com")
    haiku_id = UUID(entry_at(site, member, 6).ref)
    site.admin.transact([link("haikus", haiku_id, {"author": grace.id})])


# Damage, and what the audit says about it. The ledger: two purchases, a refund of three, three spends.
DAMAGE: dict[str, tuple[Damage, str, str]] = {
    "credits edited by hand": (
        lambda site, ada: set_account(site, ada, credits=50),
        ":6",
        "`credits` is 50, but the last entry left 14: it was edited by hand",
    ),
    "credits edited by hand, and a spend since": (
        spend_edited_credits,
        "spend:",
        "goes on from 50 credits, but the entry before it left 14: `credits` was edited by hand",
    ),
    "creditSeq set back": (
        lambda site, ada: set_account(site, ada, creditSeq=5, credits=15),
        "spend:",
        "lies beyond the last entry: `creditSeq` is 5",
    ),
    "creditSeq far ahead": (
        lambda site, ada: set_account(site, ada, creditSeq=10**12),
        ":7",
        f"is missing, and so is every one up to number {10**12}",
    ),
    "credits that are no whole number": (
        lambda site, ada: set_account(site, ada, credits=0.5),
        "",
        "is not a whole number",
    ),
    "a deleted entry": (delete_entry(2), ":2", "is missing"),
    "a deleted last entry": (delete_entry(6), ":6", "is missing"),
    "an edited amount": (edit_entry(5, amount=-2), "spend:", "goes on from 17 credits, but the entry before"),
    "an edited balance": (edit_entry(5, balance=99), "spend:", "goes on from 100 credits"),
    "a kind that there is not": (
        edit_entry(5, kind="gift"),
        "spend:",
        "is of kind gift, which this version does",
    ),
    "a spend that gives": (edit_entry(6, amount=3), "spend:", "spends -3 and leaves 14"),
    "an entry beyond the last": (
        lambda site, ada: site.admin.transact(forge(ada.id, f"{ada.id}:7")),
        "grant:",
        "lies beyond the last entry",
    ),
    "an entry far beyond the last": (
        lambda site, ada: site.admin.transact(forge(ada.id, f"{ada.id}:70")),
        "grant:",
        "where no entry of an account can be",
    ),
    "an entry in no slot at all": (
        lambda site, ada: site.admin.transact(forge(ada.id, "somewhere")),
        "grant:",
        "is in the slot somewhere",
    ),
    "an entry of another account": (steal_the_link, "purchase:", "is linked to the account"),
    "an entry of no account": (drop_the_link, "purchase:", "is linked to no account"),
    "a spend of somebody else": (
        lambda site, ada: append(site, ada, kind="spend", key=f"spend:{uuid4()}:1", amount=-1),
        "spend:",
        "its key is not of that kind",
    ),
    "a haiku that was never paid": (write_for_nothing, "", "is a haiku that 0 spends of its owner paid for"),
    "a haiku that was paid twice": (
        pay_again_for_a_haiku,
        "",
        "is a haiku that 2 spends of its owner paid for",
    ),
    "a haiku of nobody": (write_as_nobody, "", "is a haiku without an owner"),
    "a purchase that is not paid": (credit_an_open_checkout, "purchase:cs_test_", "but it is not paid"),
    "a purchase of more than was bought": (
        credit_too_much,
        "purchase:cs_test_",
        "but it is worth 10 credits",
    ),
    "a purchase of another member": (credit_another_members, "purchase:cs_test_", "it is a checkout of"),
    "a purchase that Stripe does not know": (
        lambda site, ada: append(site, ada, kind="purchase", key="purchase:cs_test_none", amount=10),
        "purchase:cs_test_none",
        "Stripe has no such checkout",
    ),
    "a claw-back of nothing": (
        lambda site, ada: append(site, ada, kind="refund", key="clawback:cs_test_none:0", amount=-2),
        "clawback:cs_test_none:0",
        "a purchase that this account never had",
    ),
    "a paid checkout that was never credited": (
        lambda site, ada: site.buy(ada),
        "cs_test_",
        "is paid, and its 10 credits are not there",
    ),
    "a refund that took nothing back": (
        lambda site, ada: site.refund(entry_at(site, ada, 1).ref, 250),
        "cs_test_",
        "was refunded by another amount",
    ),
    "a dispute that held nothing back": (
        lambda site, ada: site.dispute(entry_at(site, ada, 1).ref),
        "cs_test_",
        "is disputed, and its credits were not held back",
    ),
}


def test_a_ledger_as_the_site_writes_it_is_clean(site: LoopbackSite, busy_ada: Member) -> None:
    site.member("grace@example.com")
    gone = site.member("gone@example.com")
    site.buy(gone)
    site.deliver_all()
    site.admin.delete_user(user_id=gone.id)
    newest = site.entries(busy_ada)[-1]
    site.admin.transact([delete("haikus", UUID(newest.ref))])
    audit = Audit()
    assert list(audit.violations()) == []
    assert audit.counts == {
        "accounts": 2,
        "entries": 7,
        "haikus": 2,
        "checkouts": 3,
        "left by deleted members": 1,
    }


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named_with_its_member_and_entry(site: LoopbackSite, busy_ada: Member, damage: str) -> None:
    harm, entry, text = DAMAGE[damage]
    harm(site, busy_ada)
    found = violations()
    told = [violation for violation in found if entry in violation.entry and text in violation.text]
    assert told, found
    if damage != "a haiku of nobody":
        assert told[0].member == busy_ada.email
        assert told[0] in violations(busy_ada.email.upper())


def test_an_account_whose_balance_cannot_be_read_is_named_once(site: LoopbackSite, ada: Member) -> None:
    set_account(site, ada, credits=5)
    site.spend(ada, 3)
    set_account(site, ada, credits=0.5)
    assert [violation.entry for violation in violations()] == [str(ada.id)]


def test_a_haiku_is_paid_by_its_author(site: LoopbackSite, busy_ada: Member) -> None:
    give_a_haiku_away(site, busy_ada)
    (violation,) = violations()
    assert violation.member == "grace@example.com"
    assert violation.text == "is a haiku that 0 spends of its owner paid for, not one"


def test_an_entry_in_no_slot_of_no_account_is_named_all_the_same(site: LoopbackSite, ada: Member) -> None:
    site.admin.transact(forge(ada.id, "nowhere")[:1])
    (violation,) = violations()
    assert violation.text == "is in the slot nowhere, where no entry of an account can be"


def test_another_members_damage_is_not_this_members(site: LoopbackSite, busy_ada: Member) -> None:
    grace = site.member("grace@example.com")
    site.buy(grace)
    site.deliver_all()
    set_account(site, grace, credits=50)
    assert violations(busy_ada.email) == []
    assert [violation.member for violation in violations()] == [grace.email]


@pytest.mark.parametrize("spends", [0, 2])
def test_an_edited_balance_is_mended_by_a_reset(site: LoopbackSite, busy_ada: Member, spends: int) -> None:
    set_account(site, busy_ada, credits=50)
    site.spend(busy_ada, spends)
    assert len(violations()) == 1
    site.store.post(busy_ada.id, Reset(key="reset:1", credits=14, note="Edited by hand", actor="staff"))
    assert violations() == []
    site.spend(busy_ada)
    assert violations() == []
    set_account(site, busy_ada, credits=50)
    assert len(violations()) == 1  # a reset says nothing about what comes after it


def test_credits_from_before_the_ledger_are_taken_over_as_they_are(site: LoopbackSite, ada: Member) -> None:
    set_account(site, ada, credits=7)
    assert violations() == []
    site.spend(ada)
    assert violations() == []


def test_many_missing_entries_are_one_violation(site: LoopbackSite, busy_ada: Member) -> None:
    set_account(site, busy_ada, creditSeq=MISSING_LIMIT // 2)
    assert [violation.text for violation in violations()] == [
        f"is missing, and so is every one up to number {MISSING_LIMIT // 2}"
    ]


@pytest.mark.parametrize("moment", range(12))
def test_what_is_written_meanwhile_is_no_violation(site: LoopbackSite, busy_ada: Member, moment: int) -> None:
    """Ada writes, buys and is refunded between two questions of the audit, whichever they are."""
    moments = iter(range(1000))

    def meanwhile() -> None:
        if next(moments) == moment:
            site.spend(busy_ada, 2)
            site.refund(site.buy(busy_ada), 150)
            site.deliver_all()

    assert list(Audit(looked_at=meanwhile).violations()) == []
    assert next(moments) >= 12


def load(site: LoopbackSite, accounts: int, entries: int) -> None:
    """Fill the ledger, straight through Instant."""
    for number in range(accounts):
        member = site.member(f"member{number}@example.com")
        site.store.post(member.id, Reset(key=f"reset:{uuid4()}", credits=entries))
        steps: list[Step] = []
        for seq in range(2, entries + 1):
            haiku_id = row_id()
            spend = {"key": f"spend:{member.id}:{seq}", "kind": "spend", "ref": str(haiku_id)}
            steps += haiku(haiku_id, member.id)
            steps += forge(member.id, f"{member.id}:{seq}", amount=-1, balance=entries - seq + 1, **spend)
        balance = {"credits": 1, "creditSeq": entries}
        site.admin.transact([*steps, update("$users", member.id, balance, upsert=False)])


@pytest.mark.slow
def test_the_memory_of_an_audit_does_not_grow_with_the_ledger() -> None:
    """Everything carries one `createdAt`, the hardest case for reading in pages."""
    peaks = []
    for accounts in (2, 10):
        with opened() as site:
            load(site, accounts, 600)
            tracemalloc.start()
            try:
                audit = Audit()
                assert list(audit.violations()) == []
                peaks.append(tracemalloc.get_traced_memory()[1])
            finally:
                tracemalloc.stop()
            assert audit.counts["entries"] == accounts * 600 > SLOTS_AT_ONCE
            assert audit.counts["haikus"] == accounts * 599
    assert peaks[1] < 1.2 * peaks[0]


# The command


def run(*arguments: str) -> tuple[str, str | None]:
    """What `audit_credits` prints, and with what it fails."""
    out = io.StringIO()
    try:
        call_command("audit_credits", *arguments, stdout=out)
    except CommandError as exc:
        return out.getvalue(), str(exc)
    return out.getvalue(), None


def test_the_command_says_that_all_is_well(site: LoopbackSite, busy_ada: Member) -> None:
    assert run() == (
        "1 accounts, 6 entries, 3 haikus, 2 checkouts looked at, no violations.\n",
        None,
    )


def test_the_command_has_a_line_for_each_violation_and_fails(site: LoopbackSite, busy_ada: Member) -> None:
    set_account(site, busy_ada, credits=50)
    site.buy(busy_ada)
    out, failure = run("--member", busy_ada.email)
    assert failure == "2 violations"
    lines = out.splitlines()
    assert [line.split(": ")[0] for line in lines[:2]] == [busy_ada.email] * 2
    assert lines[2:] == ["1 accounts, 6 entries, 3 haikus, 3 checkouts looked at, 2 violations."]


def test_the_command_prints_one_json_object(site: LoopbackSite, busy_ada: Member) -> None:
    assert json.loads(run("--json")[0]) == {
        "accounts": 1,
        "entries": 6,
        "haikus": 3,
        "checkouts": 2,
        "violations": [],
    }
    delete_entry(6)(site, busy_ada)
    out, failure = run("--json")
    found: list[dict[str, Any]] = json.loads(out)["violations"]
    assert {"member": busy_ada.email, "entry": f"{busy_ada.id}:6", "text": "is missing"} in found
    assert failure == f"{len(found)} violations"


def test_the_command_does_not_know_a_stranger(site: LoopbackSite) -> None:
    assert run("--member", "nobody@example.com") == ("", "There is no member nobody@example.com")


def test_the_command_says_so_when_nobody_answers() -> None:
    out, failure = run()
    assert failure is not None
    assert failure.startswith("Stopped before the end: No answer from Instant")
    assert "violations" not in out
