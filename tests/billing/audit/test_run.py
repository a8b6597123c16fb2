"""The audit is silent about a ledger as the site writes it, and names each thing that is wrong with another."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from accounts.members import Member
from billing.audit.account import MISSING_LIMIT, Violation
from billing.audit.run import SLOTS_AT_ONCE, Audit
from credits_site.metrics import read
from instant_admin.client.steps import create, delete, link, unlink, update
from instant_admin.client.types import Step
from instant_admin.ledger.movements import Closing, Grant, Reset, Take, undo_of
from instant_admin.ledger.rules import Entry
from instant_admin.ledger.writing import row_id
from tests.billing import commands
from tests.drivers.prometheus import Numbers
from tests.drivers.site import LoopbackSite, haiku, opened

Damage = Callable[[LoopbackSite, Member], object]
SOMEBODY_ELSES = f"spend:{uuid4()}:1"
OF_NOTHING = "clawback:cs_test_none:0"


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


def edit_account(site: LoopbackSite, member: Member, **values: object) -> None:
    """Edit `$users` by hand, as Instant's dashboard lets one."""
    site.admin.transact([update("$users", member.id, values, upsert=False)])
    site.restart()


def entry_at(site: LoopbackSite, member: Member, seq: int) -> Entry:
    return site.entries(member)[seq - 1]


def forge(account: UUID, slot: str, **values: object) -> list[Step]:
    """The steps that make an entry by hand."""
    row = {"key": f"grant:{uuid4()}", "slot": slot, "kind": "grant", "amount": 0, "balance": 14} | values
    entry_id = row_id()
    return [
        create("creditEntries", entry_id, row | {"createdAt": 1_800_000_000_000}),
        link("creditEntries", entry_id, {"account": account}),
    ]


def append(site: LoopbackSite, member: Member, **values: Any) -> None:
    """Make an entry by hand that is numbered as it should be, and set the balance to what it leaves."""
    account = site.store.account(member.id)
    balance, seq = account.credits + values["amount"], account.seq + 1
    site.admin.transact(forge(member.id, f"{member.id}:{seq}", balance=balance, **values))
    edit_account(site, member, credits=balance, creditSeq=seq)


def credit(site: LoopbackSite, member: Member, checkout_id: str, amount: int = 10) -> None:
    append(site, member, kind="purchase", key=f"purchase:{checkout_id}", amount=amount, ref=checkout_id)


def forge_in(site: LoopbackSite, member: Member, slot: str) -> None:
    site.admin.transact(forge(member.id, slot.format(member.id)))


def edit_entry(site: LoopbackSite, member: Member, seq: int, **values: object) -> None:
    entry_id = entry_at(site, member, seq).id
    site.admin.transact([update("creditEntries", entry_id, values, upsert=False)])


def delete_entry(site: LoopbackSite, member: Member, seq: int) -> None:
    site.admin.transact([delete("creditEntries", entry_at(site, member, seq).id)])


def spend_edited_credits(site: LoopbackSite, member: Member) -> None:
    edit_account(site, member, credits=50)
    site.spend(member)


def pay_twice(site: LoopbackSite, member: Member) -> None:
    haiku_id = entry_at(site, member, 6).ref
    append(site, member, kind="spend", key=f"spend:{member.id}:again", amount=-1, ref=haiku_id)


def give_back(site: LoopbackSite, member: Member, amount: int) -> None:
    append(site, member, kind="undo", key=f"undo:{entry_at(site, member, 6).key}", amount=amount)


def link_to_another(site: LoopbackSite, member: Member) -> None:
    grace = site.member("grace@example.com")
    site.admin.transact([link("creditEntries", entry_at(site, member, 2).id, {"account": grace.id})])


def unlink_from_all(site: LoopbackSite, member: Member) -> None:
    site.admin.transact([unlink("creditEntries", entry_at(site, member, 2).id, {"account": member.id})])


def write_for_nothing(site: LoopbackSite, member: Member) -> None:
    site.admin.transact(haiku(row_id(), member.id))


def refund(site: LoopbackSite, member: Member) -> None:
    site.refund(entry_at(site, member, 1).ref, 250)


def dispute(site: LoopbackSite, member: Member) -> None:
    site.dispute(entry_at(site, member, 1).ref)


# Damage to a ledger of two purchases, a refund of three and three spends; at which entry, and what is said of it.
DAMAGE: list[tuple[Damage, str, str]] = [
    (
        partial(edit_account, credits=50),
        ":6",
        "`credits` is 50, but the last entry left 14: it was edited by",
    ),
    (partial(edit_account, purchases=5), ":6", "`purchases` is 5, but 2 are in the ledger"),
    (spend_edited_credits, "spend:", "goes on from 50 credits, but the entry before it left 14: `credits`"),
    (
        partial(edit_account, creditSeq=5, credits=15),
        "spend:",
        "lies beyond the last entry: `creditSeq` is 5",
    ),
    (partial(edit_account, creditSeq=10**12), ":7", f"is missing, and so is every one up to number {10**12}"),
    (partial(delete_entry, seq=2), ":2", "is missing"),
    (partial(delete_entry, seq=6), ":6", "is missing"),
    (partial(edit_entry, seq=5, amount=-2), "spend:", "goes on from 17 credits, but the entry before"),
    (partial(edit_entry, seq=5, balance=99), "spend:", "goes on from 100 credits"),
    (partial(edit_entry, seq=5, kind="gift"), "spend:", "is of kind gift, which this version does"),
    (partial(edit_entry, seq=6, amount=3), "spend:", "takes -3 and leaves 14"),
    (partial(append, kind="take", key="take:1", amount=-20), "take:1", "takes 20 and leaves -6"),
    (partial(append, kind="grant", key="grant:1", amount=-1), "grant:1", "is a grant of -1 credits"),
    (partial(append, kind="undo", key=f"undo:{SOMEBODY_ELSES}", amount=1), "undo:", "is not of that kind"),
    (partial(give_back, amount=2), "undo:spend:", "gives 2 credits back, and the spend took 1"),
    (partial(forge_in, slot="{}:7"), "grant:", "lies beyond the last entry"),
    (partial(forge_in, slot="{}:70"), "grant:", "where no entry of an account can be"),
    (partial(forge_in, slot="somewhere"), "grant:", "is in the slot somewhere"),
    (link_to_another, "purchase:", "is linked to the account"),
    (unlink_from_all, "purchase:", "is linked to no account"),
    (partial(append, kind="spend", key=SOMEBODY_ELSES, amount=-1), "spend:", "its key is not of that kind"),
    (write_for_nothing, "", "is a haiku that 0 spends of its owner paid for"),
    (pay_twice, "", "is a haiku that 2 spends of its owner paid for"),
    (lambda site, ada: credit(site, ada, site.open_checkout(ada)), "purchase:cs_test_", "but it is not paid"),
    (lambda site, ada: credit(site, ada, site.buy(ada), 99), "purchase:cs_test_", "it is worth 10 credits"),
    (lambda site, ada: credit(site, ada, site.buy(site.member())), "purchase:cs_test_", "is a checkout of"),
    (partial(credit, checkout_id="cs_test_none"), "purchase:cs_test_none", "Stripe has no such checkout"),
    (
        partial(append, kind="refund", key=OF_NOTHING, amount=-2),
        OF_NOTHING,
        "a purchase that this account never",
    ),
    (
        lambda site, ada: site.store.post(ada.id, Closing(key=f"closing:{ada.id}")),
        "closing:",
        "closed the account, which is there",
    ),
    (lambda site, ada: site.buy(ada), "cs_test_", "is paid, and its 10 credits are not there"),
    (refund, "cs_test_", "was refunded by another amount"),
    (dispute, "cs_test_", "is disputed, and its credits were not held back"),
]


def test_a_ledger_as_the_site_writes_it_is_clean(site: LoopbackSite, busy_ada: Member) -> None:
    site.member("grace@example.com")
    gone = site.member("gone@example.com")
    site.buy(gone)
    site.deliver_all()
    site.admin.delete_user(user_id=gone.id)
    newest = site.entries(busy_ada)[-1]
    site.admin.transact([delete("haikus", UUID(newest.ref))])
    for movement in (
        undo_of(newest, note="", actor=""),
        Grant(key="grant:1", credits=2),
        Take(key="take:1", credits=3),
    ):
        site.store.post(busy_ada.id, movement)
    audit = Audit()
    assert list(audit.violations()) == []
    counts = {"accounts": 2, "entries": 10, "haikus": 2, "checkouts": 3}
    assert audit.counts == counts | {"left by deleted members": 1}
    assert audit.outstanding == site.credits(busy_ada)


@pytest.mark.parametrize(("harm", "entry", "text"), DAMAGE, ids=[text for _, _, text in DAMAGE])
def test_damage_is_named_with_its_member_and_entry(
    site: LoopbackSite, busy_ada: Member, harm: Damage, entry: str, text: str
) -> None:
    harm(site, busy_ada)
    found = violations()
    told = [violation for violation in found if entry in violation.entry and text in violation.text]
    assert told, found
    assert told[0].member == busy_ada.email
    assert told[0] in violations(busy_ada.email.upper())


def test_an_account_whose_balance_cannot_be_read_is_named_once(site: LoopbackSite, ada: Member) -> None:
    edit_account(site, ada, credits=5)
    site.spend(ada, 3)
    edit_account(site, ada, credits=0.5)
    (violation,) = violations()
    assert (violation.member, violation.entry) == (ada.email, str(ada.id))
    assert "is not a whole number" in violation.text


def test_a_haiku_is_paid_by_its_author(site: LoopbackSite, busy_ada: Member) -> None:
    grace, haiku_id = site.member("grace@example.com"), UUID(entry_at(site, busy_ada, 6).ref)
    site.admin.transact([link("haikus", haiku_id, {"author": grace.id})])
    (violation,) = violations()
    assert violation.member == grace.email
    assert violation.text == "is a haiku that 0 spends of its owner paid for, not 1"


def test_a_haiku_of_nobody_is_named(site: LoopbackSite) -> None:
    site.admin.transact(haiku(row_id(), uuid4())[:1])
    assert [violation.text for violation in violations()] == ["is a haiku without an owner"]


def test_an_entry_in_no_slot_of_no_account_is_named_all_the_same(site: LoopbackSite, ada: Member) -> None:
    site.admin.transact(forge(ada.id, "nowhere")[:1])
    (violation,) = violations()
    assert violation.text == "is in the slot nowhere, where no entry of an account can be"


def test_another_members_damage_is_not_this_members(site: LoopbackSite, busy_ada: Member) -> None:
    grace = site.member("grace@example.com")
    site.buy(grace)
    site.deliver_all()
    edit_account(site, grace, credits=50)
    assert violations(busy_ada.email) == []
    assert [violation.member for violation in violations()] == [grace.email]


def test_what_a_member_paid_in_another_currency_is_missed_too(site: LoopbackSite, ada: Member) -> None:
    site.refuse("POST", "^/v1/checkout/sessions$", "currency", times=1)
    checkout_id = site.buy(ada)
    (violation,) = violations(ada.email)
    assert violation == Violation(str(ada.email), checkout_id, "is paid, and its 10 credits are not there")


@pytest.mark.parametrize("spends", [0, 2])
def test_an_edited_balance_is_mended_by_a_reset(site: LoopbackSite, busy_ada: Member, spends: int) -> None:
    edit_account(site, busy_ada, credits=50)
    site.spend(busy_ada, spends)
    assert len(violations()) == 1
    site.store.post(busy_ada.id, Reset(key="reset:1", credits=14, note="Edited by hand", actor="staff"))
    assert violations() == []
    site.spend(busy_ada)
    assert violations() == []
    edit_account(site, busy_ada, credits=50)
    assert len(violations()) == 1  # a reset says nothing about what comes after it


def test_credits_from_before_the_ledger_are_taken_over_as_they_are(site: LoopbackSite, ada: Member) -> None:
    edit_account(site, ada, credits=7)
    assert violations() == []
    site.spend(ada)
    assert violations() == []


def test_many_missing_entries_are_one_violation(site: LoopbackSite, busy_ada: Member) -> None:
    edit_account(site, busy_ada, creditSeq=MISSING_LIMIT // 2)
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
        member = site.member(f"member{number}@example.com", credits=entries)
        steps: list[Step] = []
        for seq in range(2, entries + 1):
            haiku_id = row_id()
            spend = {"key": f"spend:{member.id}:{seq}", "kind": "spend", "ref": str(haiku_id)}
            steps += haiku(haiku_id, member.id)
            steps += forge(member.id, f"{member.id}:{seq}", amount=-1, balance=entries - seq + 1, **spend)
        balance = {"credits": 1, "creditSeq": entries}
        site.admin.transact([*steps, update("$users", member.id, balance, upsert=False)])


@pytest.mark.deep
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


run = partial(commands.run, "audit_credits")


@pytest.mark.django_db
def test_the_command_says_that_all_is_well(site: LoopbackSite, busy_ada: Member) -> None:
    assert run() == ("1 accounts, 6 entries, 3 haikus, 2 checkouts looked at, no violations.\n", None)


def test_the_command_has_a_line_for_each_violation_and_fails(site: LoopbackSite, busy_ada: Member) -> None:
    edit_account(site, busy_ada, credits=50)
    site.buy(busy_ada)
    out, failure = run("--member", busy_ada.email)
    assert failure == "2 violations"
    lines = out.splitlines()
    assert [line.split(": ")[0] for line in lines[:2]] == [busy_ada.email] * 2
    assert lines[2:] == ["1 accounts, 6 entries, 3 haikus, 3 checkouts looked at, 2 violations."]


@pytest.mark.django_db
def test_the_command_prints_one_json_object(site: LoopbackSite, busy_ada: Member) -> None:
    counts = {"accounts": 1, "entries": 6, "haikus": 3, "checkouts": 2}
    assert json.loads(run("--json")[0]) == counts | {"violations": []}
    delete_entry(site, busy_ada, 6)
    out, failure = run("--json")
    found: list[dict[str, Any]] = json.loads(out)["violations"]
    assert {"member": busy_ada.email, "entry": f"{busy_ada.id}:6", "text": "is missing"} in found
    assert failure == f"{len(found)} violations"


@pytest.mark.django_db
def test_the_numbers_tell_what_the_last_audit_of_everything_found(
    site: LoopbackSite, busy_ada: Member
) -> None:
    def told(name: str) -> float:
        return Numbers(read()).of(name)

    run("--member", busy_ada.email)
    assert told("credits_audit_timestamp_seconds") == 0
    run()
    outstanding, at = told("credits_outstanding"), told("credits_audit_timestamp_seconds")
    site.spend(busy_ada)
    run()
    assert (outstanding, told("credits_outstanding")) == (14, 13)
    assert told("credits_audit_timestamp_seconds") > at > 0


def test_the_command_does_not_know_a_stranger(site: LoopbackSite) -> None:
    assert run("--member", "nobody@example.com") == ("", "There is no member nobody@example.com")


def test_the_command_says_so_when_nobody_answers() -> None:
    out, failure = run()
    assert failure is not None
    assert failure.startswith("Stopped before the end: No answer from Instant")
    assert "violations" not in out
