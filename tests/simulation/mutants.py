"""Deliberate bugs, each of a kind that was seen in the wild. The simulator must find every one.

This is the only place in the tests where functions of the product are replaced.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from unittest.mock import patch
from uuid import UUID

from accounts.account.personal_data import holdings
from accounts.members import Member
from billing import (
    checkout,
    clawback,
    fulfilment,
    own_data,
    reconciliation,
    seals,
    spending,
    sweeping,
    webhook,
    welcome,
    withdrawals,
)
from billing.checkout import buyer_of
from billing.clawback import Payment, Withdrawal
from billing.fulfilment import Fulfilment, Outcome, Settlement
from billing.seals import Seal
from billing.spending import Held
from billing.staff import credits as staff_credits
from billing.stripe_api import checkouts, payments
from billing.stripe_api.checkouts import Checkout, Customer
from instant_admin.client import protocol
from instant_admin.client.admin import InstantAdmin
from instant_admin.client.errors import InstantError, InstantUnreachable, NotUnique
from instant_admin.client.steps import delete, update
from instant_admin.configured import balance_store as configured_store
from instant_admin.configured import instant
from instant_admin.ledger import allowances, batches, holds, movements, retries, writing
from instant_admin.ledger import entries as ledger_rows
from instant_admin.ledger import store as ledger_store
from instant_admin.ledger.allowances import Allowance, day_of, today
from instant_admin.ledger.batches import Batches, Decision, Waiting
from instant_admin.ledger.holds import Capture
from instant_admin.ledger.memory import Memory
from instant_admin.ledger.movements import Grant, Purchase, Undo
from instant_admin.ledger.rules import Account, Entry, Kind, LedgerError, Movement, OutOfCredits, there
from instant_admin.ledger.store import BalanceStore
from instant_admin.ledger.writing import Writer
from tests.simulation import actors, working
from tests.simulation.runner import Result, run

Bug = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One deliberate bug, what somebody may have thought who wrote it, and the violation that it must show.

    `seed` is of a history that has shown it, where that takes long to find.
    """

    name: str
    thought: str
    shows: str
    bug: Bug
    seed: int = 0


MUTANTS: Final[list[Mutant]] = []


def mutant(thought: str, *, shows: str, seed: int = 0) -> Callable[[Bug], Bug]:
    """Add a bug to the list."""

    def add(bug: Bug) -> Bug:
        MUTANTS.append(Mutant(bug.__name__, thought, shows, bug, seed))
        return bug

    return add


# Keys, slots and ids


@mutant(
    "The credits are added, and whether that happened before is somebody else's business.",
    shows=r"credited \[\(.+\), \(.+\)\]",
)
def credit_without_a_unique_key() -> AbstractContextManager[Any]:
    numbers = itertools.count()

    def purchase(plan: Fulfilment) -> Purchase:
        key = f"purchase:{plan.checkout.id}:{next(numbers)}"
        return Purchase(key=key, credits=plan.credits, ref=plan.checkout.id)

    def settle(checkout: Checkout) -> Settlement:
        plan = fulfilment.plan_of(checkout)
        if plan is not None and not checkout.is_marked:
            configured_store().post(plan.member_id, purchase(plan))
            checkouts.mark_fulfilled(checkout.id)
        return Settlement(checkout.id, Outcome.PENDING, 0, 0, open=False)

    return _settled_by(settle)


@mutant(
    "The session's metadata says whether it was credited; mark it, then credit. So does the well-known sample.",
    shows=r"credited \[\], owed \[\(",
)
def flag_then_credit() -> AbstractContextManager[Any]:
    def settle(checkout: Checkout) -> Settlement:
        plan = fulfilment.plan_of(checkout)
        if plan is None or checkout.is_marked:
            return Settlement(checkout.id, Outcome.PENDING, 0, 0, open=False)
        checkouts.mark_fulfilled(checkout.id)
        applied = configured_store().apply(plan.member_id, plan)
        return Settlement(checkout.id, Outcome.CREDITED, plan.credits, applied.account.credits, open=False)

    return _settled_by(settle)


@mutant("Read the balance, add, write it back; who would write in between?", shows=r"has the slot")
def read_modify_write_without_a_slot() -> AbstractContextManager[Any]:
    numbers = itertools.count(1)
    return patch.object(ledger_rows, "slot_of", lambda account_id, seq: f"{account_id}:{next(numbers)}")


@mutant(
    "Try again with a fresh key, or the repetition would pass for a duplicate.",
    shows=r"was told that .* is done",
)
def retry_with_a_new_key() -> AbstractContextManager[Any]:
    def post(store: BalanceStore, account_id: UUID, movement: Movement, *, steps: Any = None) -> Any:
        for number in itertools.count():
            again = dataclasses.replace(movement, key=f"{movement.key}:{number}") if number else movement
            try:
                return _real_post(store, account_id, again, steps=steps)
            except retries.OutcomeUnknown:
                if number == 2:
                    raise
        return None

    return patch.object(BalanceStore, "post", post)


@mutant(
    "An id worked out from the key makes the entry unique by itself.",
    shows=r"was paid for by nobody",
    seed=41,
)
def entry_id_from_the_request() -> AbstractContextManager[Any]:
    real = Movement.entry_on

    def entry_on(movement: Movement, account: Account, **rest: Any) -> Entry:
        made = real(movement, account, **rest)
        return dataclasses.replace(made, id=uuid.uuid5(uuid.NAMESPACE_URL, made.key))

    return patch.object(Movement, "entry_on", entry_on)


@mutant("No answer means that it worked; it nearly always does.", shows=r"is done, and")
def no_key_lookup_after_a_timeout() -> AbstractContextManager[Any]:
    real = Writer.write

    def write(writer: Writer, entries: Any, bought: Any) -> None:
        try:
            real(writer, entries, bought)
        except InstantUnreachable as exc:
            if not exc.timed_out:
                raise

    return patch.object(Writer, "write", write)


# Many at once


@mutant("Who had no credits a moment ago has none now.", shows=r"was told of \d+ credits")
def no_credits_from_memory() -> AbstractContextManager[Any]:
    def covers(memory: Memory, account_id: UUID, movement: Movement) -> bool:
        known = memory._accounts.get(account_id)
        if known is not None:
            movement.amount_on(known[1])
        return False

    return patch.object(Memory, "covers", covers)


@mutant("One update for the whole batch; the first entry has the balance.", shows=r"has .+, the ledger")
def one_update_for_many_entries() -> AbstractContextManager[Any]:
    real = ledger_rows.steps_of

    def steps_of(entries: Sequence[Entry]) -> list[Any]:
        last = {entry.account_id: number for number, entry in enumerate(entries)}
        first = [entry for number, entry in enumerate(entries) if number not in last.values()]
        return [*real(entries)[: -len(last)], *real(first or entries)[-1:]]

    return patch.object(writing, "steps_of", steps_of)


@mutant("The batch was lost; send it again, as something new.", shows=r"is done, and was not charged so")
def a_lost_batch_under_new_keys() -> AbstractContextManager[Any]:
    real = Batches._pause_after

    def pause_after(leader: Batches, exc: InstantError, pending: Any) -> None:
        real(leader, exc, pending)
        for waiting in pending:
            waiting.movement = dataclasses.replace(waiting.movement, key=f"{waiting.movement.key}:again")

    return patch.object(Batches, "_pause_after", pause_after)


@mutant("If one is refused, so is the batch.", shows=r"was told of \d+ credits")
def a_refusal_takes_its_neighbours_along() -> AbstractContextManager[Any]:
    def add(decision: Decision, waiting: Waiting) -> None:
        decision.outcomes.append((waiting, decision._decide(waiting)))

    return patch.object(Decision, "add", add)


@mutant("Tell them while it is being written; it nearly always works.", shows=r"is done, and", seed=31)
def told_before_it_is_written() -> AbstractContextManager[Any]:
    real = Batches._decide

    def decide(leader: Batches, pending: Any, accounts: Any, found: Any) -> Decision:
        decision = real(leader, pending, accounts, found)
        for waiting, outcome in decision.outcomes:
            if len(pending) > 1 and waiting is not pending[0]:
                waiting.outcome = outcome
                waiting.signal.set()
        return decision

    return patch.object(Batches, "_decide", decide)


@mutant("Whoever leads hands over at the end; what should go wrong?", shows=r"cannot write in process")
def a_leader_that_fails_and_stays() -> AbstractContextManager[Any]:
    def lead(leader: Batches) -> None:
        batch: list[Waiting] = []
        leader._take_in(batch)
        leader._settle(batch)
        for waiting in batch:
            waiting.leads = False
            waiting.signal.set()
        if any(isinstance(waiting.outcome, retries.OutcomeUnknown) for waiting in batch):
            return
        with leader._lock:
            leader._is_led = bool(leader._queue)
            if leader._queue:
                leader._queue[0].leads = True
                leader._queue[0].signal.set()

    return patch.object(Batches, "_lead", lead)


@mutant("It is our turn, so the slot can only have been taken by ourselves.", shows=r"is done, and")
def believing_the_turn() -> AbstractContextManager[Any]:
    real = Writer.write

    def write(writer: Writer, entries: Any, bought: Any) -> None:
        with suppress(NotUnique):
            real(writer, entries, bought)

    return patch.object(Writer, "write", write)


# Spending


@mutant("The page showed enough credits a moment ago.", shows=r"was not covered")
def spend_unchecked() -> AbstractContextManager[Any]:
    return patch.object(movements.Spend, "amount_on", lambda spend, account: -spend.price)


@mutant("Look the balance up once for each process; it is ours.", shows=r"was not covered")
def spend_from_a_remembered_balance() -> AbstractContextManager[Any]:
    remembered: dict[UUID, int] = {}

    def amount_on(spend: movements.Spend, account: Account) -> int:
        credits = remembered.setdefault(account.id, account.credits)
        if credits < spend.price:
            raise OutOfCredits(needed=spend.price, balance=credits)
        return -spend.price

    return patch.object(movements.Spend, "amount_on", amount_on)


@mutant("Charge first, then write what was paid for.", shows=r"paid for nothing")
def haiku_in_a_transaction_of_its_own() -> AbstractContextManager[Any]:
    def write(writer: Writer, entries: Any, bought: Any) -> None:
        writer._instant.transact(ledger_rows.steps_of(entries))
        if bought:
            writer._instant.transact(bought)

    return patch.object(Writer, "write", write)


@mutant("Write it first; if it cannot be paid for, never mind.", shows=r"was paid for by nobody")
def haiku_before_it_is_paid_for() -> AbstractContextManager[Any]:
    def write(writer: Writer, entries: Any, bought: Any) -> None:
        if bought:
            writer._instant.transact(bought)
        writer._instant.transact(ledger_rows.steps_of(entries))

    return patch.object(Writer, "write", write)


@mutant("A request id is made by the server for each request.", shows=r"is done, and")
def request_id_of_our_own() -> AbstractContextManager[Any]:
    real = movements.Spend
    numbers = itertools.count()

    def spend(*, key: str, **rest: Any) -> movements.Spend:
        return real(key=f"{key}:{next(numbers)}", **rest)

    return patch.object(spending, "Spend", spend)


@mutant(
    "Whatever was written under this request id is the answer to it.",
    shows=r"asked for snow and was given rain",
    seed=860,
)
def another_topic_is_the_same_request() -> AbstractContextManager[Any]:
    return patch.object(movements.Spend, "is_recorded_by", Movement.is_recorded_by)


_real_post = BalanceStore.post


# What is said of a failure


@mutant("It failed, so nothing was written.", shows=r"was not charged, and it was", seed=52)
def every_failure_wrote_nothing() -> AbstractContextManager[Any]:
    real = retries.OutcomeUnknown

    def outcome_unknown(*, key: str, may_have_been_written: bool) -> retries.OutcomeUnknown:
        return real(key=key, may_have_been_written=False)

    return patch.object(retries, "OutcomeUnknown", outcome_unknown)


@mutant(
    "429 means that we asked too often, so it was not run.", shows=r"was not charged, and it was", seed=99
)
def a_timed_out_statement_wrote_nothing() -> AbstractContextManager[Any]:
    real = protocol._error

    def error(call: Any, status: int, answer: Any) -> Any:
        exc = real(call, status, answer)
        if status == 429:
            exc.may_have_been_written = False
        return exc

    return patch.object(protocol, "_error", error)


# Payments


@mutant("Completed is completed.", shows=r"\(unpaid\): credited \[\(")
def fulfil_unpaid() -> AbstractContextManager[Any]:
    return _planned_by(lambda checkout: _real_plan_of(dataclasses.replace(checkout, payment_status="paid")))


@mutant("A payment is something that is paid.", shows=r"\(no_payment_required\): credited \[\]")
def skip_no_payment_required() -> AbstractContextManager[Any]:
    return _planned_by(
        lambda checkout: _real_plan_of(checkout) if checkout.payment_status == "paid" else None
    )


@mutant("A pack has ten credits; why write that into every session?", shows=r"credited \[\(10, ")
def credits_from_the_settings_of_today() -> AbstractContextManager[Any]:
    return _planned_by(lambda checkout: _real_plan_of(dataclasses.replace(checkout, credits=10)))


@mutant("Who brings the session is who paid for it.", shows=r"credited \[\(.+owed \[\(", seed=40)
def sync_without_asking_whose_it_is() -> AbstractContextManager[Any]:
    def sync_checkout(checkout_id: str, *, member: Any) -> Settlement:
        return fulfilment.settle(dataclasses.replace(checkouts.retrieve(checkout_id), member_id=member.id))

    return patch.object(actors, "sync_checkout", sync_checkout)


@mutant("The query string says that it was paid.", shows=r"was added, and it was not")
def added_because_the_browser_says_so() -> AbstractContextManager[Any]:
    def sync_checkout(checkout_id: str, *, member: Any) -> Settlement:
        checkout = checkouts.retrieve(checkout_id)
        if fulfilment.plan_of(checkout) is None:
            return fulfilment.settle(checkout)
        return Settlement(checkout_id, Outcome.ALREADY_CREDITED, 10, 10, open=False)

    return patch.object(actors, "sync_checkout", sync_checkout)


@mutant("The metadata is our own; who would edit it?", shows=r"\(edited, .+credited \[\(")
def seal_unchecked() -> AbstractContextManager[Any]:
    return patch.object(fulfilment, "require_as_made", lambda checkout: None)


@mutant(
    "A seal is a seal, so it may stand in the metadata with the rest.",
    shows=r"\(edited, .+credited \[\(",
)
@contextmanager
def seal_that_can_be_copied() -> Iterator[None]:
    made: set[str] = set()

    def sealed_reference(metadata: Mapping[str, str]) -> str:
        reference = seals.sealed_reference(metadata)
        made.add(reference)
        return reference

    def seal_of(reference: str, metadata: Mapping[str, str]) -> Seal:
        return Seal.INTACT if seals.sealed_reference(metadata) in made else Seal.BROKEN

    with (
        patch.object(checkouts, "sealed_reference", sealed_reference),
        patch.object(checkouts, "seal_of", seal_of),
    ):
        yield


# Money that goes back


@mutant("Each refund event takes its credits.", shows=r"\[-\d+, -\d+.*\] clawed back")
def refund_taken_twice() -> AbstractContextManager[Any]:
    real = clawback.claw_back

    def claw_back(purchase: Entry, so_far: Sequence[Entry], payment: Payment, *, key: str) -> Movement | None:
        return real(purchase, [], payment, key=key) if len(so_far) < 3 else None

    return patch.object(fulfilment, "claw_back", claw_back)


@mutant("The event says what was refunded; asking again costs time.", shows=r"clawed back, due")
def trusting_the_first_snapshot() -> AbstractContextManager[Any]:
    remembered: dict[str, Payment] = {}
    real = payments.retrieve

    def retrieve(payment_intent_id: str) -> Payment:
        if payment_intent_id not in remembered:
            remembered[payment_intent_id] = real(payment_intent_id)
        return remembered[payment_intent_id]

    return patch.object(payments, "retrieve", retrieve)


@mutant("A part of a credit is a credit.", shows=r"clawed back, due")
def rounded_up() -> AbstractContextManager[Any]:
    def clawed_back(credits: int, payment: Payment) -> tuple[int, int]:
        if payment.paid <= 0:
            return 0, 0
        returned = min(payment.refunded + payment.disputed, payment.paid)
        return -(-credits * returned // payment.paid), 0

    return patch.object(clawback, "clawed_back", clawed_back)


@mutant("What is refunded is refunded.", shows=r"clawed back, due 0")
def failed_refunds_count() -> AbstractContextManager[Any]:
    return patch.object(payments, "_UNDONE_REFUND", frozenset())


@mutant("An inquiry is a dispute.", shows=r"clawed back, due 0")
def inquiries_take_credits() -> AbstractContextManager[Any]:
    held = payments._HELD_DISPUTE | {"warning_needs_response", "warning_closed"}
    return patch.object(payments, "_HELD_DISPUTE", held)


@mutant("A dispute that is over needs nothing.", shows=r"clawed back, due 0")
def won_disputes_give_nothing_back() -> AbstractContextManager[Any]:
    real = clawback.claw_back

    def claw_back(purchase: Entry, so_far: Sequence[Entry], payment: Payment, *, key: str) -> Movement | None:
        movement = real(purchase, so_far, payment, key=key)
        return None if movement is not None and movement.kind is Kind.DISPUTE_WON else movement

    return patch.object(fulfilment, "claw_back", claw_back)


@mutant("A refund is the whole of it.", shows=r"clawed back, due")
def every_refund_is_full() -> AbstractContextManager[Any]:
    real = payments.retrieve

    def retrieve(payment_intent_id: str) -> Payment:
        found = real(payment_intent_id)
        return dataclasses.replace(found, refunded=found.paid if found.refunded else 0)

    return patch.object(payments, "retrieve", retrieve)


# Customers


@mutant(
    "The customer is saved; why ask whether Stripe still has them?",
    shows=r"The customer was deleted just now",
)
def a_customer_is_for_ever() -> AbstractContextManager[Any]:
    real = checkout._living_customer

    def living_customer(member: Member, saved_id: str | None) -> Customer:
        return Customer(saved_id, member.email) if saved_id else real(member, None)

    return patch.object(checkout, "_living_customer", living_customer)


@mutant("A member has one customer, so one key will do.", shows=r"Stripe has deleted every customer")
def one_key_for_all_of_a_members_customers() -> AbstractContextManager[Any]:
    real = checkouts.create_customer

    def create(*, idempotency_key: str, **rest: Any) -> str:
        return real(idempotency_key=idempotency_key.partition(":after:")[0], **rest)

    return patch.object(checkouts, "create_customer", create)


@mutant("The email was told when the customer was made.", shows=r"and Stripe has .*: None")
def an_email_is_told_but_once() -> AbstractContextManager[Any]:
    def customer_of(member: Member) -> str:
        buyer = buyer_of(instant().as_member(member.refresh_token), member.id)
        customer = checkout._living_customer(member, buyer.customer_id)
        if customer.id != buyer.customer_id:
            instant().transact([update("$users", member.id, {"stripeCustomerId": customer.id})])
            checkouts.set_customer_email(customer.id, member.email)
        return customer.id

    return patch.object(checkout, "_customer_of", customer_of)


@mutant("How often somebody has bought was read before.", shows=r"is said to have bought")
def purchases_are_counted_once() -> AbstractContextManager[Any]:
    known: dict[uuid.UUID, int] = {}
    real = fulfilment._number_of_next

    def number_of_next(account: Account) -> int:
        return known.setdefault(account.id, real(account))

    return patch.object(fulfilment, "_number_of_next", number_of_next)


# Taking a purchase back


@mutant("The money first, the credits when there is time.", shows=r"credits were not taken first")
def repaid_before_the_credits_are_taken() -> AbstractContextManager[Any]:
    real = withdrawals.withdraw

    def withdraw(checkout: Checkout, member_id: UUID, wanted: Withdrawal, **by_staff: str) -> Entry | None:
        key = fulfilment.withdrawal_key(checkout.id)
        payments.refund_withdrawal(checkout.payment_intent_id or "", amount=wanted.amount, key=key)
        return real(checkout, member_id, wanted)

    return patch.object(actors, "withdraw", withdraw)


@mutant(
    "Who asks for the refund is the request that takes the credits.",
    shows=r"neither money nor credits",
    seed=282,
)
def a_withdrawal_that_nobody_finishes() -> AbstractContextManager[Any]:
    def withdraw(checkout: Checkout, member_id: UUID, wanted: Withdrawal, **by_staff: str) -> object:
        configured_store().apply(member_id, withdrawals.Withdrawing(checkout, wanted, **by_staff))
        key = fulfilment.withdrawal_key(checkout.id)
        payments.refund_withdrawal(checkout.payment_intent_id or "", amount=wanted.amount, key=key)
        return True

    @contextmanager
    def bug() -> Iterator[None]:
        with (
            patch.object(actors, "withdraw", withdraw),
            patch.object(Fulfilment, "_is_repaid", lambda *args: True),
        ):
            yield

    return bug()


@mutant("Stripe knows the key, so it need not be looked for first.", shows=r"repaid \d times", seed=389)
def a_refund_is_not_looked_for() -> AbstractContextManager[Any]:
    real = payments.retrieve

    def retrieve(payment_id: str) -> Payment:
        return dataclasses.replace(real(payment_id), is_withdrawn=False)

    return patch.object(payments, "retrieve", retrieve)


# Leaving


@mutant("Emptied is emptied; who would write now?", shows=r"has words in it")
def emptied_before_the_account_is_gone() -> AbstractContextManager[Any]:
    def empty_account(member_id: UUID) -> None:
        for holding in holdings():
            holding.erase(member_id)
        configured_store().close(member_id)

    return patch.object(actors, "empty_account", empty_account)


@mutant("The account is gone; what should still be there?", shows=r"is there, and .* is not")
def stripe_keeps_its_customer() -> AbstractContextManager[Any]:
    return patch.object(checkouts, "delete_customer", lambda customer_id: None)


@mutant("Delete the account, and all of it is gone.", shows=r"has words in it")
def an_account_takes_its_words_along() -> AbstractContextManager[Any]:
    return patch.object(own_data, "forget_person", lambda connection, account_id: None)


@mutant("Whoever leaves takes their ledger along.", shows=r"was left as None")
def the_ledger_goes_with_its_member() -> AbstractContextManager[Any]:
    def forget_person(connection: InstantAdmin, account_id: UUID) -> None:
        rows = connection.query({"creditEntries": {"$": {"where": {"account.id": str(account_id)}}}})
        connection.transact([delete("creditEntries", row["id"]) for row in rows["creditEntries"]])

    return patch.object(own_data, "forget_person", forget_person)


# Beginnings


@mutant("An account without a ledger begins at nothing.", shows=r"had \d+ credits before the ledger")
def old_credits_are_not_recorded() -> AbstractContextManager[Any]:
    @contextmanager
    def bug() -> Iterator[None]:
        with (
            patch.object(batches, "opening_of", lambda account: None),
            patch.object(ledger_store, "opening_of", lambda account: None),
        ):
            yield

    return bug()


@mutant("Every address is somebody new.", shows=r"was given \[2, 2\] to begin with")
def another_spelling_is_another_mailbox() -> AbstractContextManager[Any]:
    return patch.object(welcome, "mailbox_of", lambda email: email)


@mutant("A reset adds what it should leave.", shows=r"a reset to \d+ left \d+", seed=87)
def reset_adds() -> AbstractContextManager[Any]:
    return patch.object(movements.Reset, "change_of", lambda reset, balance: reset.credits)


# Staff


@mutant("A click is a click, and each gives back.", shows=r"is given back \d+ times", seed=77)
def give_back_under_a_new_key() -> AbstractContextManager[Any]:
    numbers = itertools.count()

    def undo_of(spend: Entry, **rest: Any) -> Undo:
        return dataclasses.replace(movements.undo_of(spend, **rest), key=f"undo:{spend.key}:{next(numbers)}")

    return patch.object(staff_credits, "undo_of", undo_of)


@mutant("The page said how many there will be, so that many there will be.", shows=r"grant:.* moved")
def what_the_page_said_it_will_be() -> AbstractContextManager[Any]:
    def amount_on(grant: Grant, account: Account) -> int:
        return (grant.seen or 0) + grant.credits - account.credits

    return patch.object(Grant, "amount_on", amount_on)


@mutant("They saw the balance, so it may be taken.", shows=r"take:.* was not covered")
def take_unchecked() -> AbstractContextManager[Any]:
    return patch.object(movements.Take, "change_of", lambda take, balance: -take.credits)


# Credits held for work


@mutant("Done is one thing and failed another, so each has its key.", shows=r"held \d+ and ended with")
def a_capture_has_a_key_of_its_own() -> AbstractContextManager[Any]:
    def capture(*, key: str, **rest: Any) -> Capture:
        return Capture(key=f"{key}:captured", **rest)

    return patch.object(spending, "Capture", capture)


@mutant("The work is done, whatever was released meanwhile.", shows=r"held \d+ and ended with", seed=42)
def captured_after_it_was_released() -> AbstractContextManager[Any]:
    real = Held.capture

    def capture(held: Held, used: int, steps: Sequence[Any]) -> Any:
        try:
            return real(held, used, steps)
        except spending.HoldEnded:
            again = dataclasses.replace(held.entry, key=f"{held.entry.key}:late")
            return real(dataclasses.replace(held, entry=again), used, steps)

    return patch.object(Held, "capture", capture)


@mutant("It was open a moment ago, so it can be released.", shows=r"held \d+ and ended with", seed=42)
def a_sweep_has_a_key_of_its_own() -> AbstractContextManager[Any]:
    def give_back(hold: Entry, *, error: str) -> bool:
        return _real_give_back(dataclasses.replace(hold, key=f"{hold.key}:swept"), error=error)

    return patch.object(sweeping, "give_back", give_back)


@mutant("It may cost less in the end; hold it, and see.", shows=r"hold:.* was not covered")
def hold_unchecked() -> AbstractContextManager[Any]:
    return patch.object(holds.Hold, "amount_on", lambda hold, account: -hold.most)


@mutant("First the credits, then the row, then the work.", shows=r"is for a row that is not there")
def held_before_there_is_a_row() -> AbstractContextManager[Any]:
    return _in_two(Kind.HOLD, first="entry")


@mutant("It is paid for; the text comes at once.", shows=r"and its row is writing")
def captured_before_it_is_written() -> AbstractContextManager[Any]:
    return _in_two(Kind.CAPTURE, first="entry")


@mutant(
    "Show it as soon as it is there; paid for it is afterwards.", shows=r"was paid for by nobody", seed=42
)
def written_before_it_is_captured() -> AbstractContextManager[Any]:
    return _in_two(Kind.CAPTURE, first="row")


@mutant("The credits are back; what does the row matter?", shows=r"and its row is writing", seed=105)
def a_release_leaves_its_row() -> AbstractContextManager[Any]:
    return _in_two(Kind.RELEASE, first="entry")


@mutant("Who holds releases; a process does not just die.", shows=r"credits are still held")
def nobody_sweeps() -> AbstractContextManager[Any]:
    return patch.object(sweeping, "accounts_holding", lambda connection: [])


@mutant("It is asked for, so it is worked on.", shows=r"failed, and pays|was told to pay")
def each_click_is_worked_on() -> AbstractContextManager[Any]:
    real = spending.hold

    def hold(**asked: Any) -> Held:
        return dataclasses.replace(real(**asked), is_new=True)

    return patch.object(working, "hold", hold)


# Allowances


@mutant("What was spent today was read a moment ago, by ourselves.", shows=r"that are spent under")
def a_limit_from_memory() -> AbstractContextManager[Any]:
    remembered: dict[UUID, Mapping[str, int]] = {}

    def seen(account: Account, now: datetime) -> Mapping[str, int]:
        return remembered.setdefault(account.id, account.allowances or {})

    return _limited_by(seen)


@mutant("A batch is decided on what was read for it.", shows=r"that are spent under")
def a_limit_is_not_carried_within_a_batch() -> AbstractContextManager[Any]:
    def decide(
        leader: Batches,
        pending: Collection[Waiting],
        accounts: Mapping[UUID, Account | LedgerError],
        found: Mapping[str, Entry | LedgerError],
    ) -> Decision:
        decision = Decision(dict(accounts), dict(found), leader._writer, leader._writer.ids())
        for waiting in pending:
            read, now = accounts[waiting.account_id], decision.accounts[waiting.account_id]
            if isinstance(read, Account) and isinstance(now, Account):
                decision.accounts[now.id] = dataclasses.replace(now, allowances=read.allowances)
            decision.add(waiting)
        return decision

    return patch.object(Batches, "_decide", decide)


@mutant(
    "It was asked for today, so it counts today, whatever came of it.", shows=r"end:.* counts under nothing"
)
def a_release_gives_no_allowance_back() -> AbstractContextManager[Any]:
    real = holds.release_of
    return patch.object(spending, "release_of", lambda hold: dataclasses.replace(real(hold), allowance=""))


@mutant("Refuse early: who has nothing left need not be looked for.", shows=r"was not charged, and it was")
def a_limit_before_the_key() -> AbstractContextManager[Any]:
    real = Decision._decide

    def decide(decision: Decision, waiting: Waiting) -> Any:
        account = there(decision.accounts[waiting.account_id])
        waiting.movement.allowance_on(account, decision.writer.now())
        return real(decision, waiting)

    return patch.object(Decision, "_decide", decide)


@mutant("A limit is a limit; what has the date to do with it?", shows=r"counts under key:\d:, not under")
def a_limit_without_a_day() -> AbstractContextManager[Any]:
    return patch.object(allowances, "today", lambda now: "")


@mutant("Each process has a clock, and knows which day it is.", shows=r"counts under .*, not under")
def a_day_that_goes_back() -> AbstractContextManager[Any]:
    def seen(account: Account, now: datetime) -> Mapping[str, int]:
        return {
            label: spent for label, spent in (account.allowances or {}).items() if day_of(label) <= today(now)
        }

    return _limited_by(seen)


def _limited_by(seen: Callable[[Account, datetime], Mapping[str, int]]) -> AbstractContextManager[Any]:
    """Decide on what was `seen` of an account instead of what it has spent."""
    real = Allowance.label_on

    def label_on(allowance: Allowance, account: Account, credits: int, now: datetime) -> str:
        return real(allowance, dataclasses.replace(account, allowances=seen(account, now)), credits, now)

    return patch.object(Allowance, "label_on", label_on)


_real_plan_of = fulfilment.plan_of
_real_give_back = spending.give_back


@contextmanager
def _in_two(kind: Kind, *, first: str) -> Iterator[None]:
    """Write entries of a kind, and the rows that they are about, in two transactions."""

    def post(store: BalanceStore, account_id: UUID, movement: Movement, *, steps: Any = None) -> Any:
        if movement.kind != kind or steps is None:
            return _real_post(store, account_id, movement, steps=steps)
        row_id = UUID(movement.ref) if movement.ref else writing.row_id()
        again = dataclasses.replace(movement, ref=str(row_id))
        if first == "row":
            instant().transact(steps(row_id))
        posted = _real_post(store, account_id, again)
        if first == "entry" and not posted.replayed:
            instant().transact(steps(row_id))
        return posted

    with patch.object(BalanceStore, "post", post):
        yield


@contextmanager
def _settled_by(settle: Callable[[Checkout], Settlement]) -> Iterator[None]:
    """Replace `settle` behind every door."""
    with (
        patch.object(fulfilment, "settle", settle),
        patch.object(webhook, "settle", settle),
        patch.object(reconciliation, "settle", settle),
    ):
        yield


@contextmanager
def _planned_by(plan_of: Callable[[Checkout], Fulfilment | None]) -> Iterator[None]:
    """Replace `plan_of` behind every door."""
    with patch.object(fulfilment, "plan_of", plan_of), patch.object(reconciliation, "plan_of", plan_of):
        yield


def hunt(mutant: Mutant, *, seeds: Iterable[int]) -> Result | None:
    """The first of `seeds` whose history shows what the bug must show, or None."""
    for seed in seeds:
        # Planted anew each time: what a bug remembers must not outlive its history.
        with mutant.bug():
            result = run(seed)
        if any(re.search(mutant.shows, violation) for violation in result.violations):
            return result
    return None
