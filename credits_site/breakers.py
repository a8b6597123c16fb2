"""The breakers of what has no client of ours: each process spares what does not answer it. A setting is the name."""

from __future__ import annotations

from typing import Final

from credits_site.metrics import BREAKER_OPEN
from instant_admin.client.breaker import Breaker

CACHE: Final = Breaker("CACHE_URL", on_turn=BREAKER_OPEN.labels("cache").set)
DATABASE: Final = Breaker("DATABASE_URL", on_turn=BREAKER_OPEN.labels("database").set)
MAIL: Final = Breaker("EMAIL_URL", on_turn=BREAKER_OPEN.labels("mail").set)
