"""Spares a service that does not answer, and those who would wait for it.

No library does: pybreaker lets one call through at a time, for it holds its lock meanwhile, and circuitbreaker has no
lock. Neither counts how often something is asked again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

logger = logging.getLogger(__name__)

# So many failures in a row, over all threads, are no stumble.
FAILURES_LIMIT: Final = 5
# How often one call is let through to see. Each may wait ten seconds, so a silent service keeps five threads busy.
TRIAL_EVERY_S: Final = 2.0
# What is asked again, as a share of what is answered; beside it, so many at once.
RETRY_SHARE: Final = 0.1
RETRIES_SAVED: Final = 10.0


class Breaker:
    """Whether `service` is asked, and whether it is asked again. Safe to share between threads.

    It opens when answer after answer does not come, and closes at the first that does. `on_turn` is told True when it
    opens and False when it closes.
    """

    def __init__(
        self,
        service: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        trial_every_s: float = TRIAL_EVERY_S,
        on_turn: Callable[[bool], object] = lambda is_open: None,
    ) -> None:
        self._service = service
        self._clock = clock
        self._trial_every_s = trial_every_s
        self._on_turn = on_turn
        self._lock = threading.Lock()
        self._failures = 0
        self._trial_from_s = 0.0
        self._retries = RETRIES_SAVED

    def lets_through(self) -> bool:
        """Whether to ask. While it is open, True is for one call every few seconds."""
        with self._lock:
            is_due = not self._is_open or self._clock() >= self._trial_from_s
            if is_due and self._is_open:
                self._trial_from_s = self._clock() + self._trial_every_s
            return is_due

    def lets_retry(self) -> bool:
        """Whether to ask once more what was not answered. True takes it from the budget."""
        with self._lock:
            if self._is_open or self._retries < 1:
                return False
            self._retries -= 1
            return True

    def answered(self) -> None:
        """An answer came, be it a refusal."""
        with self._lock:
            if self._is_open:
                logger.warning("%s answers again", self._service)
                self._on_turn(False)
            self._failures = 0
            self._retries = min(self._retries + RETRY_SHARE, RETRIES_SAVED)

    def failed(self) -> None:
        """No answer came, or one that says that the service itself has failed."""
        with self._lock:
            self._failures += 1
            if self._failures == FAILURES_LIMIT:
                logger.error("%s does not answer, and is asked only now and then", self._service)
                self._trial_from_s = self._clock() + self._trial_every_s
                self._on_turn(True)

    @property
    def _is_open(self) -> bool:
        return self._failures >= FAILURES_LIMIT
