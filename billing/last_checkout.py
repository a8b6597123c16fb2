"""The checkout that a browser left for last. Its session knows it, for somebody who comes back without saying which.

Stripe says it to who has paid and follows its way back, and to nobody else. `accounts.members.remember` empties the
session before another member uses it.
"""

from __future__ import annotations

from typing import Final

from django.contrib.sessions.backends.base import SessionBase

# How long the home page waits before it asks again about a checkout that was still open.
ASK_AGAIN_AFTER_S: Final = 60
# `{"id": …, "asked_at": …}`, in seconds since 1970; with `"pending": True` once its buyer is done and Stripe is not.
_KEY: Final = "checkout"


def keep(session: SessionBase, checkout_id: str) -> None:
    """The browser leaves for this checkout."""
    session[_KEY] = {"id": checkout_id, "asked_at": 0.0}


def kept(session: SessionBase) -> str | None:
    """The checkout that the browser left for last, while nothing is known to have come of it."""
    found: str | None = session.get(_KEY, {}).get("id")
    return found


def due(session: SessionBase, *, now_s: float) -> str | None:
    """The same, unless the home page asked about it a moment ago."""
    waited = now_s - session.get(_KEY, {}).get("asked_at", 0.0)
    return kept(session) if waited >= ASK_AGAIN_AFTER_S else None


def asked(session: SessionBase, *, now_s: float) -> None:
    """The home page asks about it now."""
    session[_KEY] = session[_KEY] | {"asked_at": now_s}


def note_pending(session: SessionBase, checkout_id: str) -> None:
    """Its buyer is done, and its payment is on its way."""
    if kept(session) == checkout_id:
        session[_KEY] = session[_KEY] | {"pending": True}


def is_pending(session: SessionBase) -> bool:
    """Whether the payment of the last checkout was on its way when it was asked for."""
    return bool(session.get(_KEY, {}).get("pending"))


def forget(session: SessionBase, checkout_id: str) -> None:
    """It is known what came of this checkout."""
    if kept(session) == checkout_id:
        del session[_KEY]
