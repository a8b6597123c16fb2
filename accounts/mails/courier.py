"""What has mails sent as soon as they wait: a thread of each process that answers requests, if `MAILS_AT_ONCE`.

It is only ever a hint that something waits. It looks by itself now and then: for what another process left, and for
what could not be sent before.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from django.db import close_old_connections

logger = logging.getLogger(__name__)

LOOK_AGAIN_S: Final = 60.0


class Courier:
    """A thread that sends what waits."""

    def __init__(self) -> None:
        self._is_due = threading.Event()

    def start(self, send: Callable[[], object]) -> None:
        """Begin to `send`. It ends with the process, perhaps in the middle of a mail: the next one sends it."""
        threading.Thread(target=self._run, args=[send], name="mails", daemon=True).start()

    def wake(self) -> None:
        """Called from any thread: something waits."""
        self._is_due.set()

    def _run(self, send: Callable[[], object]) -> None:
        while True:
            self._is_due.wait(LOOK_AGAIN_S)
            self._is_due.clear()
            # Outside a request, so nobody else lets go of a connection that has gone bad.
            close_old_connections()
            try:
                send()
            except Exception:
                logger.exception("Mails wait: they cannot be sent")


courier: Final = Courier()
