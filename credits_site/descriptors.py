"""How this process shares out its descriptors: every connection, file and thread's database needs some.

Without a free one no connection can be accepted, and asyncio says so in the log thousands of times a second. So
whoever lets something in asks here how much of it there may be.
"""

from __future__ import annotations

import resource
from contextlib import suppress
from typing import Final

# So many connections are accepted in one go before anybody can refuse them; and so many more than may be connected
# are listened to, because one of them may be a probe.
BACKLOG: Final = 128
_KEPT_FREE: Final = 64 + 2 * BACKLOG
# A SQLite database is three files; a connection to Instant and one to Stripe.
_OF_A_THREAD: Final = 5
# What "unlimited" is taken for.
_MANY: Final = 1 << 20


def raise_limit() -> None:
    """Let this process open as many as the system allows it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    # Some systems say "unlimited" and do not mean it.
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def for_connections() -> int:
    """How many clients may be connected, whatever they do."""
    return _limit() * 3 // 8


def for_streams() -> int:
    """How many live counters may be open. They need nothing but the connection of their client."""
    return _limit() // 4


def for_threads() -> int:
    """How many threads may work on requests, each with what one needs."""
    return max(1, (_limit() - for_connections() - _KEPT_FREE) // _OF_A_THREAD)


def _limit() -> int:
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MANY if soft == resource.RLIM_INFINITY else soft
