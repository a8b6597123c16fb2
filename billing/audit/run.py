"""Proving the ledger: every account recomputed from its entries, held against what was bought and against Stripe.

It changes nothing. Entries are numbered, so an account is read by the slots that it must have, and the one after
its last that it must not; each time together with the account, in one snapshot, so that a site in use
makes no false alarm. All that must be remembered is in a scratch database on disk: memory does not
grow with the ledger.

Somebody can edit `credits` in Instant's dashboard. Nothing notices then: the next movement goes on from the
edited number. The ledger has a break at that entry (or, until there is one, a `credits` that is not what
the last entry left), which the audit names; staff end it by "Reset credits", an entry with their name and their
reason, and the account is clean again from there on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from itertools import islice
from typing import Final
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from accounts.emails import as_stored
from billing.audit.account import AccountWalk, Violation, checkout_of_claw_back
from billing.audit.scratch import Credited, Scratch
from billing.checkout import buyer_of
from billing.errors import UnknownCheckout, UnknownMember
from billing.products import Product, State, product_called, products
from billing.reconciliation import checkouts_of_buyer, checkouts_touched, finding_of
from billing.stripe_api import checkouts
from billing.stripe_api.checkouts import Checkout
from instant_admin.client.paging import Row, by_age, by_arrival
from instant_admin.configured import instant
from instant_admin.ledger.entries import ENTRIES, LedgerCorrupt, account_of, account_query, entry_of, slot_of
from instant_admin.ledger.rules import SPENDING, Entry, Kind

# A list of values costs more than its share when it is long.
SLOTS_AT_ONCE: Final = 100
# Every process of the site looks for holds past their end, and so does cron.
SWEPT_WITHIN: Final = timedelta(hours=1)
# Where a row or an entry is nobody's.
NOBODY: Final = "nobody"


class Audit:
    """One audit, of everything or of one member by email.

    `counts` has how many `accounts`, `entries`, `checkouts` and rows of each product's namespace were looked at so
    far, and how many entries were `left by deleted members`, which is as it should be: an account's entries outlive
    it, without their words. `looked_at` is called for each of them. `outstanding` are the credits of the accounts so
    far, those that are held among them.
    """

    def __init__(self, *, email: str | None = None, looked_at: Callable[[], object] = lambda: None) -> None:
        self.counts: Counter[str] = Counter()
        self.outstanding = 0
        self._email = email
        self._looked_at = looked_at

    def violations(self) -> Iterator[Violation]:
        """All that is wrong, as it is found.

        Raises `UnknownMember`, and `InstantError`, `LedgerError` and `StripeError` when Instant or Stripe is away.
        """
        only = None if self._email is None else _member_of(self._email)
        # In this order: a row is written with its spend, so one that is here has its spend in what follows.
        with closing(Scratch()) as scratch:
            for product in products():
                yield from self._items(scratch, product, only)
            for page in _pages_of_accounts(only):
                yield from self._accounts(scratch, page)
            yield from _wrongly_paid(scratch)
            yield from _undos(scratch)
            yield from self._strays(scratch, only)
            yield from self._payments(scratch, only)

    def _look(self, what: str) -> None:
        self.counts[what] += 1
        self._looked_at()

    def _items(self, scratch: Scratch, product: Product, only: UUID | None) -> Iterator[Violation]:
        conditions = [] if only is None else [{f"{product.owner}.id": str(only)}]
        for row in by_age(instant(), product.namespace, conditions):
            self._look(product.namespace)
            owner = row.get(product.owner)
            if owner is None:
                yield Violation(NOBODY, row["id"], f"is a {product.name} without an owner")
            else:
                is_paid = State.of(row) is State.DONE
                scratch.keep_item(row["id"], product=product.name, owner=owner, spends_due=int(is_paid))

    def _accounts(self, scratch: Scratch, page: Sequence[Row]) -> Iterator[Violation]:
        walks = []
        for row in page:
            self._look("accounts")
            name = row.get("email") or row["id"]
            try:
                walks.append(AccountWalk(name, account_of(row)))
            except LedgerCorrupt as exc:
                scratch.leave_out_account(row["id"], name=name)
                yield Violation(name, row["id"], str(exc))
        while walks:
            yield from self._some_slots(scratch, walks)
            for walk in walks:
                if walk.is_finished:
                    self.outstanding += walk.account.credits + walk.account.held
                    scratch.keep_account(str(walk.account.id), name=walk.name, seq=walk.account.seq)
                    yield from walk.end()
                    yield from _overdue(walk)
            walks = [walk for walk in walks if not walk.is_finished]

    def _some_slots(self, scratch: Scratch, walks: list[AccountWalk]) -> Iterator[Violation]:
        """Walk on by as many slots as one query takes, over as many accounts as have them."""
        wanted = list(islice(_slots(walks), SLOTS_AT_ONCE))
        asked = {str(walk.account.id): walk for walk, _ in wanted}
        tree = instant().query(
            {
                "$users": {"$": {"where": {"id": {"$in": list(asked)}}}},
                ENTRIES: {"$": {"where": {"slot": {"$in": [slot for _, slot in wanted]}}}},
            }
        )
        for row in tree["$users"]:
            # In the same snapshot as the slots: what was written since the last one moved both.
            asked[row["id"]].account = account_of(row)
        standing = {row["slot"]: row for row in tree[ENTRIES]}
        for walk, slot in wanted:
            if not walk.is_finished:
                yield from self._see(scratch, walk, standing.get(slot))

    def _see(self, scratch: Scratch, walk: AccountWalk, row: Row | None) -> Iterator[Violation]:
        if row is None:
            yield from walk.see(None, linked_to=None)
            return
        self._look("entries")
        scratch.keep_entry(row["id"])
        try:
            entry = entry_of(row)
        except LedgerCorrupt as exc:
            yield from walk.unreadable(str(exc))
            return
        _keep(scratch, entry)
        linked_to = row.get("account")
        yield from walk.see(entry, linked_to=None if linked_to is None else UUID(linked_to))

    def _strays(self, scratch: Scratch, only: UUID | None) -> Iterator[Violation]:
        """The entries that no account led to."""
        for row in by_age(instant(), ENTRIES, [] if only is None else [{"account.id": str(only)}]):
            account, _, seq = str(row.get("slot")).rpartition(":")
            linked_to = row.get("account")
            if scratch.has_entry(row["id"]) or scratch.is_left_out(account):
                continue
            self._look("entries")
            if linked_to is None and seq.isdecimal() and scratch.walked_to(account) is None:
                self.counts["left by deleted members"] += 1
                if row.get("note") or row.get("actor"):
                    text = (
                        "is left by a deleted member with their words in it: "
                        f"run `manage.py delete_account {account}`"
                    )
                    yield Violation(account, str(row.get("key")), text)
            elif linked_to != account or not _is_newer(scratch, account, seq):
                text = f"is in the slot {row.get('slot')}, where no entry of an account can be"
                yield Violation(scratch.name_of(linked_to or account), str(row.get("key")), text)

    def _payments(self, scratch: Scratch, only: UUID | None) -> Iterator[Violation]:
        for checkout in _checkouts(only):
            finding = finding_of(checkout, dry_run=True)
            self._look("checkouts")
            credited = scratch.take_purchase(checkout.id)
            wrong = "" if credited is None else _what_is_wrong(credited, checkout)
            if credited is not None and wrong:
                yield _of_purchase(scratch, credited, wrong)
            elif finding is not None:
                member = scratch.name_of(str(finding.member_id)) if finding.member_id else NOBODY
                text = f"{finding.text}; it needs review" if finding.needs_review else finding.text
                yield Violation(member, checkout.id, text)
        for credited in scratch.purchases_left():
            self._look("checkouts")
            wrong = _what_is_wrong_in_stripe(credited)
            if wrong:
                yield _of_purchase(scratch, credited, wrong)
        for key, account in scratch.stray_claw_backs():
            text = "takes or gives back credits of a purchase that this account never had"
            yield Violation(scratch.name_of(account), key, text)


def _member_of(email: str) -> UUID:
    # Instant keeps the emails of sign-ins in lower case, and those that an admin wrote as they were written.
    emails = [email.strip(), as_stored(email)]
    rows = instant().query({"$users": {"$": {"where": {"email": {"$in": emails}}}}})["$users"]
    if not rows:
        raise UnknownMember(f"There is no member {email}")
    return UUID(rows[0]["id"])


def _pages_of_accounts(only: UUID | None) -> Iterator[Sequence[Row]]:
    """The accounts, oldest first: whoever joins meanwhile is on the last page."""
    if only is not None:
        yield instant().query(account_query(only))["$users"]
        return
    yield from by_arrival(instant(), "$users")


def _slots(walks: Iterable[AccountWalk]) -> Iterator[tuple[AccountWalk, str]]:
    for walk in walks:
        for seq in range(walk.next_seq, walk.account.seq + 2):
            yield walk, slot_of(walk.account.id, seq)


def _keep(scratch: Scratch, entry: Entry) -> None:
    """Remember what an entry is about."""
    account = str(entry.account_id)
    if entry.kind in SPENDING:
        scratch.pay_item(entry.ref, product=entry.product, account=account)
    if entry.kind == Kind.PURCHASE:
        scratch.keep_purchase(Credited(entry.key.removeprefix("purchase:"), account, entry.amount))
    if checkout_id := checkout_of_claw_back(entry):
        scratch.keep_claw_back(entry.key, checkout_id=checkout_id, account=account)
    if entry.kind == Kind.UNDO:
        scratch.keep_undo(entry.key.removeprefix("undo:"), account=account, credits=entry.amount)


def _overdue(walk: AccountWalk) -> Iterator[Violation]:
    """Holds that nobody has released long after their end."""
    latest = timezone.now() - timedelta(seconds=settings.HOLD_EXPIRES_AFTER_S) - SWEPT_WITHIN
    for hold in walk.open_holds.values():
        if hold.created_at < latest:
            text = f"holds {-hold.amount} credits since {hold.created_at:%Y-%m-%d %H:%M}: run `reconcile_credits`"
            yield Violation(walk.name, hold.key, text)


def _wrongly_paid(scratch: Scratch) -> Iterator[Violation]:
    """Rows that are not paid for once, or are paid for and not finished."""
    for item_id, product_name, owner, spends, due in scratch.wrongly_paid_items():
        product = product_called(product_name)
        if product is not None and spends == 1 and _is_done(product, item_id):
            continue  # since its row was read
        text = f"is a {product_name} that {spends} spends of its owner paid for, not {due}"
        yield Violation(scratch.name_of(owner), item_id, text)


def _is_done(product: Product, item_id: str) -> bool:
    rows = instant().query({product.namespace: {"$": {"where": {"id": item_id}}}})[product.namespace]
    return any(State.of(row) is State.DONE for row in rows)


def _undos(scratch: Scratch) -> Iterator[Violation]:
    """What gives back something else than a spend has taken."""
    undos = scratch.undos()
    while some := list(islice(undos, SLOTS_AT_ONCE)):
        keys = [spend_key for spend_key, _, _ in some]
        rows = instant().query({ENTRIES: {"$": {"where": {"key": {"$in": keys}}}}})[ENTRIES]
        taken = {row["key"]: row.get("used") or -row["amount"] for row in rows if row["kind"] in SPENDING}
        for spend_key, account, credits in some:
            if taken.get(spend_key) != credits:
                text = f"gives {credits} credits back, and the spend took {taken.get(spend_key, 'none')}"
                yield Violation(scratch.name_of(account), f"undo:{spend_key}", text)


def _is_newer(scratch: Scratch, account: str, seq: str) -> bool:
    """Whether an entry was written after its account was walked."""
    if not seq.isdecimal():
        return False
    rows = instant().query({"$users": {"$": {"where": {"id": account}}}})["$users"]
    return bool(rows) and (scratch.walked_to(account) or 0) < int(seq) <= account_of(rows[0]).seq


def _checkouts(only: UUID | None) -> Iterator[Checkout]:
    if only is None:
        yield from checkouts_touched(None)
        return
    yield from checkouts_of_buyer(buyer_of(instant(), only).customer_id)


def _what_is_wrong_in_stripe(credited: Credited) -> str:
    try:
        return _what_is_wrong(credited, checkouts.retrieve(credited.checkout_id))
    except UnknownCheckout:
        return "Stripe has no such checkout"


def _what_is_wrong(credited: Credited, checkout: Checkout) -> str:
    if checkout.app != settings.SHOP_ID:
        return "it is a checkout of another site"
    if not checkout.is_paid:
        return "it is not paid"
    if str(checkout.member_id) != credited.account:
        return f"it is a checkout of {checkout.member_id or NOBODY}"
    if checkout.credits != credited.credits:
        return f"it is worth {checkout.credits} credits"
    return ""


def _of_purchase(scratch: Scratch, credited: Credited, wrong: str) -> Violation:
    text = f"credits {credited.credits} for the checkout {credited.checkout_id}, but {wrong}"
    return Violation(scratch.name_of(credited.account), f"purchase:{credited.checkout_id}", text)
