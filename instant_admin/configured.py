"""Instant, the balance store and the feed, as the site's settings say. The only part here that knows Django."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from django.conf import settings
from django.core.cache import cache
from django.dispatch import Signal

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.breaker import Breaker
from instant_admin.ledger.feed import Feed
from instant_admin.ledger.store import BalanceStore
from instant_admin.ledger.turns import ALONE, Files, Shared, Turns
from instant_admin.ledger.writing import Writer

# What follows is sent robustly: whoever listens and fails is logged, and keeps nothing from happening.

# Sent with `entry` once it is written, by the process that wrote it and in the thread that asked for it. An opening
# entry, which moves nothing, is not told. A crash just then leaves it untold: the ledger alone has everything.
entry_written = Signal()
# For whoever counts. Of each try of a call to Instant, `status`, its answer's or None, and `seconds`.
instant_called = Signal()
# Whether Instant `is_spared` from now on, because it does not answer.
breaker_turned = Signal()
# Of each transaction of the ledger, how many `entries` were written.
transaction_written = Signal()
# `reason`, a word of `ledger/retries.py`, of each movement that was not written as it was decided.
attempt_failed = Signal()

_in_use: ContextVar[tuple[InstantAdmin, BalanceStore] | None] = ContextVar("instant_in_use", default=None)
_making = Lock()


def instant() -> InstantAdmin:
    """The client of the site's Instant app, one for each process."""
    in_use = _in_use.get()
    return _own().client if in_use is None else in_use[0]


def balance_store() -> BalanceStore:
    """The balance store of the site's Instant app, one for each process."""
    in_use = _in_use.get()
    return _own().store if in_use is None else in_use[1]


def ledger_feed() -> Feed:
    """The feed of the site's ledger, one for each process. It is told what `balance_store()` writes."""
    return _own().feed


@contextmanager
def using(client: InstantAdmin, store: BalanceStore) -> Iterator[None]:
    """Have this context talk to `client` and `store` instead of what the settings say.

    For a script between two apps, and for running several servers' worth of this code in one process.
    """
    token = _in_use.set((client, store))
    try:
        yield
    finally:
        _in_use.reset(token)


@dataclass(frozen=True, slots=True)
class _Parts:
    client: InstantAdmin
    store: BalanceStore
    feed: Feed


def _own() -> _Parts:
    # Whoever comes first makes them; two threads that both did would each have their own.
    with _making:
        return _parts(
            settings.INSTANT_API_URI,
            settings.INSTANT_APP_ID,
            settings.INSTANT_APP_ADMIN_TOKEN,
            settings.INSTANT_CA_BUNDLE or True,
            settings.INSTANT_READ_ONLY,
            settings.DEAD_SERVICE_ASKED_EVERY_S,
        )


@functools.cache
def _parts(
    api_uri: str, app_id: str, admin_token: str, verify: bool | str, read_only: bool, trial_every_s: float
) -> _Parts:
    client = InstantAdmin(
        api_uri=api_uri,
        app_id=app_id,
        admin_token=admin_token,
        verify=verify,
        read_only=read_only,
        breaker=Breaker(
            "Instant",
            trial_every_s=trial_every_s,
            on_turn=lambda is_spared: breaker_turned.send_robust(None, is_spared=is_spared),
        ),
        on_call=lambda status, seconds: instant_called.send_robust(None, status=status, seconds=seconds),
    )
    feed = Feed(client)
    store = BalanceStore(
        client,
        writer=Writer(
            client,
            on_written=feed.wrote,
            on_transaction=lambda entries: transaction_written.send_robust(None, entries=entries),
        ),
        batch_limit=settings.LEDGER_BATCH_LIMIT,
        turns=_turns(),
        on_posted=lambda entry: entry_written.send_robust(None, entry=entry),
        on_failure=lambda reason: attempt_failed.send_robust(None, reason=reason),
    )
    return _Parts(client, store, feed)


def _turns() -> Turns:
    """Between the machines that share a cache, or else between the processes of this one."""
    if not settings.CACHES["default"]["BACKEND"].endswith(("LocMemCache", "DummyCache")):
        return Shared(cache)
    return Files(Path(settings.LEDGER_TURNS_FOLDER)) if settings.LEDGER_TURNS_FOLDER else ALONE
