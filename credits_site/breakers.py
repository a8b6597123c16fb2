"""The breakers of what has no client of ours: each process spares what does not answer it."""

from __future__ import annotations

from typing import Final

from credits_site.metrics import BREAKER_OPEN
from instant_admin.client.breaker import Breaker

CACHE: Final = Breaker("The cache", on_turn=BREAKER_OPEN.labels("cache").set)
DATABASE: Final = Breaker("The database", on_turn=BREAKER_OPEN.labels("database").set)
MAIL: Final = Breaker("The mail server", on_turn=BREAKER_OPEN.labels("mail").set)
