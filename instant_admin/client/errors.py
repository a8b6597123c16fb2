"""What can go wrong with Instant, by whose fault it is and whether something may have been written.

    InstantError
    ├── InstantUnreachable     no answer arrived
    ├── InstantBroken          5xx, a timed-out statement, or a body that is not what the API documents
    ├── NoSuchRoute            this server does not have the route; nothing was written
    ├── SubscriptionLost       a live query has ended: open it again
    └── InstantRejected        Instant said no, and wrote nothing
        ├── InstantBusy        rate limited: ask again later
        ├── NotUnique          a unique attribute has this value already
        └── MemberTokenRefused the member we act as is unknown or signed out

Messages never carry a token, a code or an email: Instant's hints echo what was sent, so only the parts that
are known to be harmless are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# The type of what is not in Instant's own words, such as a proxy's page.
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Instant says about an error, without what it echoes of the request.

    `type` is Instant's own stable word, such as `record-not-unique`. `record_type`, `etype`, `label` and
    `condition` come from the hint; `messages` are what it finds wrong with a schema, a rule or a step.
    """

    status: int
    type: str = UNKNOWN
    record_type: str = ""
    etype: str = ""
    label: str = ""
    condition: str = ""
    data_type: str = ""
    messages: tuple[str, ...] = ()
    trace_id: str = ""
    retry_after_s: int | None = None

    def __str__(self) -> str:
        details = [
            f"{name} {value}"
            for name, value in (
                ("record", self.record_type),
                ("of", f"{self.etype}.{self.label}" if self.label else ""),
                ("condition", self.condition),
                ("in", self.data_type),
                ("trace", self.trace_id),
            )
            if value
        ]
        said = f" ({'; '.join(self.messages)})" if self.messages else ""
        return f"HTTP {self.status} {self.type}{said}" + (f" [{', '.join(details)}]" if details else "")


class InstantError(Exception):
    """Base of every error that the client raises.

    `may_have_been_written` answers what matters after a failed write: False means certainly not. `is_deadlock`
    says that it lost to another transaction, and may simply be sent again. `was_asked` False says that nothing was
    sent, and that the next call will fare no better.
    """

    may_have_been_written: bool = True
    is_deadlock: bool = False
    was_asked: bool = True


class InstantUnreachable(InstantError):
    """No answer arrived. Unless the connection was never made, a write may have happened all the same.

    `timed_out` tells a server that is slow from one that is not there.
    """

    def __init__(
        self, message: str, *, may_have_been_written: bool, timed_out: bool = False, was_asked: bool = True
    ) -> None:
        super().__init__(message)
        self.may_have_been_written = may_have_been_written
        self.timed_out = timed_out
        self.was_asked = was_asked


class InstantBroken(InstantError):
    """Instant failed, or answered nonsense; only a deadlock is known to have written nothing."""

    def __init__(self, refusal: Refusal, *, may_have_been_written: bool) -> None:
        super().__init__(f"Instant failed: {refusal}")
        self.refusal = refusal
        self.is_deadlock = refusal.condition == "deadlock-detected"
        self.may_have_been_written = may_have_been_written and not self.is_deadlock


class NoSuchRoute(InstantError):
    """The server does not have this route: it is an older version, or it is not Instant."""

    may_have_been_written = False


class SubscriptionLost(InstantError):
    """A live query has ended: the connection broke or fell silent, or Instant dropped the query.

    After an error Instant keeps the connection alive and never says anything again, so that is an end too;
    `refusal` is then what it said.
    """

    may_have_been_written = False

    def __init__(self, reason: str, refusal: Refusal | None = None) -> None:
        super().__init__(f"The subscription is lost: {reason}" + (f": {refusal}" if refusal else ""))
        self.refusal = refusal


class InstantRejected(InstantError):
    """Instant said no. Nothing was written."""

    may_have_been_written = False

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"Instant refused: {refusal}")
        self.refusal = refusal


class InstantBusy(InstantRejected):
    """Rate limited, or a client that only reads. `refusal.retry_after_s` says how long to wait, if Instant says."""


class NotUnique(InstantRejected):
    """A unique attribute, `refusal.etype`.`refusal.label`, has this value on another entity already."""


class MemberTokenRefused(InstantRejected):
    """The member we act as is unknown: signed out, deleted, or never there."""


# What passes by itself. Whatever else Instant says no to, it will say no to again.
PASSING: Final = (InstantUnreachable, InstantBroken, InstantBusy)
