"""One attempt after another: a lost race, an outage, a refusal, an answer that leaves doubt."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, TypeAlias
from uuid import UUID

from instant_admin.client.backoff import pause_s
from instant_admin.client.errors import PASSING, InstantError, NotUnique
from instant_admin.ledger.guards import GUARDS
from instant_admin.ledger.rules import Account, Entry, LedgerError

# How often a movement is decided again because others moved the same balance meanwhile. Each time it loses,
# somebody else has won, so this bounds how many writers may pass one by, not how long Instant may be down.
LOST_RACES_LIMIT: Final = 40
# How often an answer that leaves doubt (or none at all) is followed up before the caller is told.
OUTAGES_LIMIT: Final = 3
FIRST_PAUSE_S: Final = 0.02
LONGEST_PAUSE_S: Final = 0.5
# An outage lasts longer than a race: its first pause is as long as that after so many lost races and one more.
_OUTAGE_HEAD_START: Final = 3
# Why an attempt was not the last, or the last: what `on_failure` is told.
LOST_RACE: Final = "lost_race"
OUTAGE: Final = "outage"
GAVE_UP: Final = "gave_up"

OnFailure: TypeAlias = Callable[[str], object]


class OutcomeUnknown(LedgerError):
    """Given up after several tries. `may_have_been_written` says whether it is certain that nothing was.

    Asking for the same movement again, under the same key, is always safe.
    """

    def __init__(self, *, key: str, may_have_been_written: bool) -> None:
        doubt = "it may have been written" if may_have_been_written else "nothing was written"
        super().__init__(f"The outcome of movement {key} is unknown; {doubt}")
        self.may_have_been_written = may_have_been_written


def lost_race(exc: InstantError) -> bool:
    """Whether somebody else was first. What else is unique is the product's affair, and stays taken.

    Instant does not always say what was taken.
    """
    return exc.is_deadlock or (isinstance(exc, NotUnique) and exc.refusal.label in ("", *GUARDS))


def passes(exc: InstantError) -> bool:
    """Whether the same may go well the next time."""
    return lost_race(exc) or isinstance(exc, PASSING)


class Attempts:
    """The attempts at one movement: what was sent, what that leaves in doubt, and how many may follow."""

    def __init__(self, key: str, *, jitter: Callable[[], float], on_failure: OnFailure) -> None:
        self._key = key
        self._jitter = jitter
        self._on_failure = on_failure
        self._written: dict[UUID, int] = {}
        self._seq_in_doubt: int | None = None
        self._is_written = False
        self._lost_races = 0
        # How often an answer left doubt or did not come; less than `OUTAGES_LIMIT` as long as it is tried again.
        self.outages = 0

    @property
    def made(self) -> frozenset[UUID]:
        """The ids of the entries that were sent; one that is found later is a write whose answer was lost."""
        return frozenset(self._written)

    def about_to_write(self, entry: Entry) -> None:
        """`entry` is sent next."""
        self._written[entry.id] = entry.seq

    def saw(self, account: Account | LedgerError, found: Collection[Entry | LedgerError]) -> None:
        """A read shows what was written, and how far the account is.

        A write for a slot that is taken can no longer arrive; what was found stays written, whatever fails next.
        """
        self._is_written |= any(isinstance(each, Entry) and each.id in self._written for each in found)
        if (
            self._seq_in_doubt is not None
            and isinstance(account, Account)
            and account.seq >= self._seq_in_doubt
        ):
            self._seq_in_doubt = None

    def failed(self, exc: InstantError) -> float:
        """How long to pause before the next attempt, in seconds.

        Raises `OutcomeUnknown`, or `exc` itself, when there shall be none.
        """
        if lost_race(exc):
            self._lost_races += 1
            self._on_failure(LOST_RACE)
            if self._lost_races > LOST_RACES_LIMIT:
                raise self.unknown() from exc
            return self._pause_s(self._lost_races)
        if passes(exc):
            if exc.may_have_been_written:
                self._seq_in_doubt = max(self._written.values(), default=None)
            self.outages += 1
            self._on_failure(OUTAGE)
            if self.outages >= OUTAGES_LIMIT or not exc.was_asked:
                raise self.unknown() from exc
            return self._pause_s(self.outages + _OUTAGE_HEAD_START)
        if self._may_be_written:
            # This was refused, but an earlier attempt may have been written.
            raise self.unknown() from exc
        raise exc

    def _pause_s(self, nth: int) -> float:
        return pause_s(nth, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S, jitter=self._jitter())

    def unknown(self) -> OutcomeUnknown:
        """What to raise when there shall be no further attempt."""
        self._on_failure(GAVE_UP)
        return OutcomeUnknown(key=self._key, may_have_been_written=self._may_be_written)

    @property
    def _may_be_written(self) -> bool:
        return self._is_written or self._seq_in_doubt is not None
