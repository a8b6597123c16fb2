"""The client and the balance store of this site, as its settings say. The only part here that knows Django."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from django.conf import settings

from instant_admin.client.admin import InstantAdmin
from instant_admin.ledger.store import BalanceStore

_in_use: ContextVar[tuple[InstantAdmin, BalanceStore] | None] = ContextVar("instant_in_use", default=None)


def instant() -> InstantAdmin:
    """The client of the site's Instant app, one for each process."""
    in_use = _in_use.get()
    if in_use is not None:
        return in_use[0]
    return _client(
        settings.INSTANT_API_URI,
        settings.INSTANT_APP_ID,
        settings.INSTANT_APP_ADMIN_TOKEN,
        settings.INSTANT_CA_BUNDLE or True,
    )


def balance_store() -> BalanceStore:
    """The balance store of the site's Instant app, one for each process."""
    in_use = _in_use.get()
    return _store(instant()) if in_use is None else in_use[1]


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


@cache
def _client(api_uri: str, app_id: str, admin_token: str, verify: bool | str) -> InstantAdmin:
    return InstantAdmin(api_uri=api_uri, app_id=app_id, admin_token=admin_token, verify=verify)


@cache
def _store(client: InstantAdmin) -> BalanceStore:
    return BalanceStore(client)
