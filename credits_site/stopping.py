"""The end of a process in its order: it is not ready, answers for a while, ends what would go on, and is closed.

Whoever shares out requests must see the first before the last, or some of them reach a closed door.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import uvicorn
from django.conf import settings

from credits_site.plain_text import Application, Message, Receive, Send
from credits_site.signals import site_closes

logger = logging.getLogger(__name__)

_told: Final = threading.Event()


def is_stopping() -> bool:
    """Whether this process was told to stop."""
    return _told.is_set()


def stop_in_order() -> None:
    """Take SIGTERM and SIGINT over from uvicorn, which hears of them in its turn. Called on its loop.

    SIGTERM waits for DRAIN_S seconds; told a second time, or by Ctrl-C, the process stops at once. Any other server
    keeps its signals: it may hear of them in a way that nobody else can call.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        server_stops = signal.getsignal(number)
        if callable(server_stops) and isinstance(getattr(server_stops, "__self__", None), uvicorn.Server):
            drain_s = settings.DRAIN_S if number == signal.SIGTERM else 0.0
            loop.add_signal_handler(number, _leave, loop, drain_s, partial(_close, number, server_stops))


def _leave(loop: asyncio.AbstractEventLoop, drain_s: float, close: Callable[[], None]) -> None:
    if drain_s and not is_stopping():
        logger.info("Told to stop: answering for %g more seconds", drain_s)
        loop.call_later(drain_s, close)
    else:
        close()
    _told.set()


def _close(number: signal.Signals, server_stops: Callable[[int, None], object]) -> None:
    site_closes.send_robust(sender=stop_in_order)
    server_stops(number, None)


def keeps_nobody(application: Application) -> Application:
    """Answers of a process that stops end their connections, so that a proxy sends nothing more on one of them."""

    async def answer(scope: Any, receive: Receive, send: Send) -> None:
        async def send_last(message: Message) -> None:
            if message["type"] == "http.response.start" and is_stopping():
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        await application(scope, receive, send_last)

    return answer
