"""Movements that wait together are written together: one trip to Instant for all of them.

Whoever comes looks first whether the movement has happened and may happen, unless that is remembered, and then makes
what it buys, so that nobody else waits for that. One transaction is under way at a time. Meanwhile movements queue,
first come first served, and whoever is first when it ends leads the next one, for everybody: each movement is decided
in its turn on the account as the ones before it leave it, and all entries are written together. To be out of credits,
to have happened before, or to have a damaged account is the answer to one alone.

A transaction is all or nothing. When it lost a race or its answer is in doubt, everything is read and decided anew,
with those who came meanwhile. When Instant refuses it for good, each movement is sent by itself, so that only the
faulty one is refused.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, repeat
from typing import Final, Protocol, TypeAlias
from uuid import UUID

from instant_admin.client.errors import InstantError
from instant_admin.client.types import Step
from instant_admin.ledger.allowances import account_after
from instant_admin.ledger.entries import allowances_step, noting_steps
from instant_admin.ledger.memory import Memory
from instant_admin.ledger.movements import opening_of
from instant_admin.ledger.retries import OUTAGES_LIMIT, Attempts, OnFailure, passes
from instant_admin.ledger.rules import Account, Entry, KeyReused, LedgerError, Movement, there
from instant_admin.ledger.turns import Turn, Turns
from instant_admin.ledger.writing import Writer

# A movement that nobody has looked at for so long is taken back.
LONGEST_WAIT_S: Final = 15.0
BATCH_LIMIT: Final = 64
# Of many movements that nobody looked for, one is often a repetition, and then none of them is written.
UNSEEN_LIMIT: Final = 8

# What a movement buys: given the id of the new row, the steps that make it. They are written in the movement's
# own transaction, and the id becomes the entry's `ref`. A movement that has a `ref` is about a row that is there.
# Called a few times, before anything is written.
Steps: TypeAlias = Callable[[UUID], Sequence[Step]]


class Signal(Protocol):
    """What one waits for and another gives, as `threading.Event`."""

    def set(self) -> None:
        """Give it."""

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it was given in time."""


@dataclass(frozen=True, slots=True)
class Posted:
    """The entry of a movement. `credits` is the balance now; `replayed` says that the entry was there before."""

    entry: Entry
    credits: int
    replayed: bool


@dataclass(slots=True, eq=False)
class Waiting:
    """A movement that somebody waits for. `seen` says that its key was looked for."""

    account_id: UUID
    movement: Movement
    attempts: Attempts
    signal: Signal
    # The row that it buys, with the steps that make it: another id for each attempt. Were a lost attempt and the
    # next one to create the same row, that one would be refused for a reason that says nothing about the movement.
    rows: Sequence[tuple[UUID, Sequence[Step]]] = ()
    seen: bool = False
    leads: bool = False
    outcome: Posted | Exception | None = None

    def result(self) -> Posted:
        """What became of it, or the error that it ended with."""
        if isinstance(self.outcome, Posted):
            return self.outcome
        # Without an outcome, whoever led has met a bug of ours.
        raise self.outcome or self.attempts.unknown()


@dataclass(slots=True)
class Decision:
    """What becomes of some movements, as soon as `entries` are written with the steps of what they `bought`."""

    accounts: dict[UUID, Account | LedgerError]
    found: dict[str, Entry | LedgerError]
    writer: Writer
    ids: Iterator[UUID]
    entries: list[Entry] = field(default_factory=list)
    bought: list[Step] = field(default_factory=list)
    sent: list[tuple[Attempts, Entry]] = field(default_factory=list)
    outcomes: list[tuple[Waiting, Posted | LedgerError]] = field(default_factory=list)

    def add(self, waiting: Waiting) -> None:
        """Decide one movement on the account as it is after those before it."""
        try:
            self.outcomes.append((waiting, self._decide(waiting)))
        except LedgerError as exc:
            self.outcomes.append((waiting, exc))

    def _decide(self, waiting: Waiting) -> Posted:
        movement, account = waiting.movement, there(self.accounts[waiting.account_id])
        if movement.key in self.found:
            entry = there(self.found[movement.key])
            if not movement.is_recorded_by(entry, account_id=account.id):
                raise KeyReused(f"{movement.key} is another movement's key")
            return Posted(entry, account.credits, replayed=entry.id not in waiting.attempts.made)
        written = []
        if opening := opening_of(account):
            written.append(opening.entry_on(account, entry_id=next(self.ids), now=self.writer.now()))
            account = replace(account, seq=written[-1].seq)
        entry = movement.entry_on(account, entry_id=next(self.ids), now=self.writer.now())
        after = account_after(entry, account)
        if waiting.rows:
            row_id, steps = waiting.rows[waiting.attempts.outages]
            entry = replace(entry, ref=str(row_id))
            self.bought += steps
        self.bought += noting_steps(account.id, movement)
        self.entries += [*written, entry]
        self.found[entry.key] = entry
        self.accounts[account.id] = after
        self.sent.append((waiting.attempts, entry))
        return Posted(entry, entry.balance, replayed=False)

    @property
    def refuses(self) -> bool:
        """Whether anybody is refused."""
        return any(isinstance(outcome, LedgerError) for _, outcome in self.outcomes)

    @property
    def steps(self) -> list[Step]:
        """What is written with the entries: what they bought, and what is spent of the allowances they count in."""
        counted = {entry.account_id for entry in self.entries if entry.allowance}
        return [*self.bought, *(allowances_step(each) for each in self.known if each.id in counted)]

    @property
    def known(self) -> list[Account]:
        """The accounts as they are after it."""
        return [account for account in self.accounts.values() if isinstance(account, Account)]


class Batches:
    """Posts movements, those that wait at the same time in one transaction. Safe to share between threads.

    The pauses, their jitter and the way of waiting are arguments so that they can be simulated.
    """

    def __init__(
        self,
        writer: Writer,
        *,
        limit: int,
        turns: Turns,
        sleep: Callable[[float], None],
        jitter: Callable[[], float],
        new_signal: Callable[[], Signal],
        on_failure: OnFailure,
    ) -> None:
        self._writer = writer
        self._turns = turns
        self._limit = limit
        self._sleep = sleep
        self._jitter = jitter
        self._new_signal = new_signal
        self._on_failure = on_failure
        self.memory = Memory(writer.now)
        self._lock = threading.Lock()
        # Guarded by the lock, as is `leads` of those who wait in the queue.
        self._queue: deque[Waiting] = deque()
        self._is_led = False

    def post(self, account_id: UUID, movement: Movement, steps: Steps | None) -> Posted:
        """Make `movement` happen exactly once; see `BalanceStore.post`."""
        attempts = Attempts(movement.key, jitter=self._jitter, on_failure=self._on_failure)
        waiting = Waiting(account_id, movement, attempts, self._new_signal())
        if not self.memory.covers(account_id, movement):
            posted = self._look(waiting)
            if posted is not None:
                return posted
        if steps is not None:
            ids = repeat(UUID(movement.ref)) if movement.ref else self._writer.ids()
            waiting.rows = [(row_id, steps(row_id)) for row_id in islice(ids, OUTAGES_LIMIT)]
        with self._lock:
            self._queue.append(waiting)
            waiting.leads, self._is_led = not self._is_led, True
        if not waiting.leads:
            self._wait(waiting)
        if waiting.leads:
            self._lead()
        return waiting.result()

    def _look(self, waiting: Waiting) -> Posted | None:
        """What the movement is answered without writing anything; None when it is to be written."""
        while True:
            try:
                accounts, found = self._read([waiting])
                break
            except InstantError as exc:
                self._sleep(waiting.attempts.failed(exc))
        self.memory.learn(account for account in accounts.values() if isinstance(account, Account))
        waiting.seen = True
        decision = self._decide([waiting], accounts, found)
        ((_, outcome),) = decision.outcomes
        if decision.entries:
            return None
        self.memory.note([waiting.movement.key])
        return there(outcome)

    def _wait(self, waiting: Waiting) -> None:
        """Wait until it is done or leads. Raises `OutcomeUnknown` when neither comes."""
        if waiting.signal.wait(LONGEST_WAIT_S):
            return
        with self._lock:
            if waiting in self._queue and not waiting.leads:
                self._queue.remove(waiting)
                raise waiting.attempts.unknown()
        # It is being written, which has an end of its own.
        waiting.signal.wait()

    def _lead(self) -> None:
        """Settle those who wait, and hand the lead over, whatever happens."""
        batch: list[Waiting] = []
        try:
            self._take_in(batch)
            self._settle(batch)
        finally:
            with self._lock:
                self._is_led = bool(self._queue)
                if self._queue:
                    self._queue[0].leads = True
                    self._queue[0].signal.set()
            for waiting in batch:
                waiting.leads = False
                waiting.signal.set()

    def _take_in(self, batch: list[Waiting]) -> None:
        with self._lock:
            while self._queue and len(batch) < self._limit:
                batch.append(self._queue.popleft())

    def _settle(self, batch: list[Waiting], *, alone: bool = False) -> None:
        while pending := [waiting for waiting in batch if waiting.outcome is None]:
            try:
                with self._turns.taken({waiting.account_id for waiting in pending}) as turn:
                    self._try(pending, turn)
            except LedgerError as exc:
                for waiting in pending:
                    waiting.outcome = exc
            except InstantError as exc:
                if not passes(exc) and len(pending) > 1:
                    for waiting in pending:
                        self._settle([waiting], alone=True)
                    return
                self._pause_after(exc, pending)
                if not alone:
                    self._take_in(batch)

    def _try(self, pending: Sequence[Waiting], turn: Turn) -> None:
        """Read, decide and write once. Raises `InstantError` and `GuardsMissing`, with nobody told anything."""
        self.memory.learn(turn.found)
        decision = self._decided_from_memory(pending) or self._decided(pending)
        if decision.entries:
            for attempts, entry in decision.sent:
                attempts.about_to_write(entry)
            try:
                self._writer.write(decision.entries, decision.steps)
            except InstantError:
                self.memory.forget(decision.accounts)
                raise
        self.memory.learn(decision.known)
        turn.left += decision.known
        self.memory.note(decision.found)
        for waiting, outcome in decision.outcomes:
            waiting.outcome = outcome

    def _decided_from_memory(self, pending: Sequence[Waiting]) -> Decision | None:
        """Without a question, but nobody is refused so; None where it must be asked."""
        if any(waiting.attempts.made for waiting in pending):
            return None
        if sum(not waiting.seen for waiting in pending) > UNSEEN_LIMIT:
            return None
        known = self.memory.recall({waiting.account_id for waiting in pending})
        decision = None if known is None else self._decide(pending, known, {})
        return None if decision is None or decision.refuses else decision

    def _decided(self, pending: Sequence[Waiting]) -> Decision:
        accounts, found = self._read(pending)
        for waiting in pending:
            waiting.attempts.saw(accounts[waiting.account_id], found.values())
        return self._decide(pending, accounts, found)

    def _read(
        self, pending: Sequence[Waiting]
    ) -> tuple[Mapping[UUID, Account | LedgerError], Mapping[str, Entry | LedgerError]]:
        account_ids = {waiting.account_id for waiting in pending}
        return self._writer.read(account_ids, {waiting.movement.key for waiting in pending})

    def _decide(
        self,
        pending: Sequence[Waiting],
        accounts: Mapping[UUID, Account | LedgerError],
        found: Mapping[str, Entry | LedgerError],
    ) -> Decision:
        decision = Decision(dict(accounts), dict(found), self._writer, self._writer.ids())
        for waiting in pending:
            decision.add(waiting)
        return decision

    def _pause_after(self, exc: InstantError, pending: Sequence[Waiting]) -> None:
        pauses_s = []
        for waiting in pending:
            try:
                pauses_s.append(waiting.attempts.failed(exc))
            except (InstantError, LedgerError) as final:
                waiting.outcome = final
        if pauses_s:
            self._sleep(max(pauses_s))
