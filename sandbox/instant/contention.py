"""What PostgreSQL does when transacts meet: rows are locked one after another, and circles of waiters broken.

The rest of the stand-in writes in one SQLite transaction, where nobody can meet anybody. With this option a
transact takes time, and first locks what Instant's statements would: each entity in the order of ids, and with it
the values that it claims of unique attributes, since a second claim waits for the first to commit or roll back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from sandbox.instant.errors import ApiError, deadlock
from sandbox.instant.steps import EntityRef, Lookup, Op
from sandbox.instant.values import index_key

# How long Instant lets one statement run.
STATEMENT_TIMEOUT_S: Final = 30.0

Lockable = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Contention:
    """How long a transact takes, and how long one waits for a lock before it looks for a circle of waiters.

    Each lock adds `lock_s`: a real server takes 4.5 times as long for 32 movements as for one. With `in_a_row`,
    transacts of one app come one after another: on a real server 64 accounts with a writer each made no more
    movements in all than one.
    """

    transact_s: float = 0.012
    lock_s: float = 0.0002
    deadlock_s: float = 1.0
    in_a_row: bool = False


@dataclass(slots=True, eq=False)
class _Holder:
    """A transact on its way: what it waits for, and how it ended."""

    waits_for: Lockable | None = None
    committed: bool = False


@dataclass(slots=True)
class RowLocks:
    """The locks of one stand-in. Everything here happens under `_changed`, which also wakes who waits."""

    contention: Contention
    _holders: dict[Lockable, _Holder] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def held(self, wanted: Sequence[Lockable]) -> Iterator[None]:
        """Take these locks in this order and keep them to the end. Raises `sql-exception` for a deadlock.

        The time that a transact takes passes between them. A claim that was waited for and then committed by the
        other is the end of the list: the write that follows is refused for it.
        """
        me = _Holder()
        pause_s = self.contention.transact_s / (len(wanted) + 1) + self.contention.lock_s
        try:
            if self.contention.in_a_row:
                self._take(me, ("app",))
            for lockable in wanted:
                time.sleep(pause_s)
                if not self._take(me, lockable):
                    break
            time.sleep(pause_s)
            yield
            me.committed = True
        finally:
            with self._changed:
                self._holders = {what: holder for what, holder in self._holders.items() if holder is not me}
                self._changed.notify_all()

    def _take(self, me: _Holder, lockable: Lockable) -> bool:
        """Wait for one lock; the answer is False for a value that another has claimed for good."""
        began = time.monotonic()
        searched = False
        with self._changed:
            while (holder := self._holders.setdefault(lockable, me)) is not me:
                me.waits_for = lockable
                waited_s = time.monotonic() - began
                if not searched and waited_s >= self.contention.deadlock_s:
                    searched = True
                    self._break_circle(me)
                if waited_s >= STATEMENT_TIMEOUT_S:
                    raise ApiError("timeout", "The query took too long to complete.", None)
                limit_s = STATEMENT_TIMEOUT_S if searched else self.contention.deadlock_s
                self._changed.wait(limit_s - waited_s)
                me.waits_for = None
                if holder.committed and lockable[0] == "value":
                    return False
        return True

    def _break_circle(self, me: _Holder) -> None:
        """Go, if those whom I wait for wait for me; who searches next must not find the same circle."""
        holder: _Holder | None = me
        for _ in range(len(self._holders)):
            holder = self._holders.get(holder.waits_for) if holder is not None and holder.waits_for else None
            if holder is me:
                me.waits_for = None
                raise deadlock()


def wanted_by(app: str, ops: Iterable[Op]) -> list[Lockable]:
    """What a transact locks: its groups of operations one after another, in each the entities by their ids."""
    wanted: dict[Lockable, None] = {}
    groups: dict[str, list[Op]] = {}
    for op in ops:
        if op.kind in ("add", "merge", "retract", "delete"):
            groups.setdefault(op.kind, []).append(op)
    for group in groups.values():
        for op in sorted(group, key=lambda op: (_text(op.entity), op.etype)):
            wanted["row", app, _text(op.entity)] = None
            if op.attr is not None and op.attr.unique and op.value is not None and op.kind != "retract":
                value = _text(op.value) if op.attr.is_link else index_key(op.value, op.attr.checked_type)
                wanted["value", op.attr.id, value] = None
    return list(wanted)


def _text(entity: EntityRef) -> str:
    return entity.text if isinstance(entity, Lookup) else entity
