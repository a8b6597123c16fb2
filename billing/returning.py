"""Which checkout a browser left for, kept in Django's session.

Stripe says nothing about the session on its way back from a cancelled checkout, so the site remembers it.
"""

from __future__ import annotations

from django.contrib.sessions.backends.base import SessionBase

_SESSION_KEY = "checkout"


def remember_checkout(session: SessionBase, checkout_id: str) -> None:
    """Keep the id of the checkout that this browser is being sent to."""
    session[_SESSION_KEY] = checkout_id


def last_checkout(session: SessionBase) -> str | None:
    """The checkout that this browser was sent to last, if any."""
    checkout_id = session.get(_SESSION_KEY)
    return checkout_id if isinstance(checkout_id, str) else None
