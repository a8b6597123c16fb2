"""The end of a process in its order: it is not ready, answers for a while, ends what would go on, and is closed.

Whoever shares out requests must see the first before the last, or some of them reach a closed door.
"""

from __future__ import annotations

import asyncio
import logging
import select
import signal
import socket
import struct
import sys
import threading
from array import array
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import uvicorn
from django.conf import settings

from credits_site.plain_text import Application, Message, Receive, Send
from credits_site.signals import site_closes

logger = logging.getLogger(__name__)

_told: Final = threading.Event()

# Linux' SO_ATTACH_FILTER, and a filter for it: byte 13 of a TCP header has a flag for who wants to connect.
_ATTACH_FILTER: Final = 26
_STEPS: Final = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))
_CODE: Final = array("B", b"".join(struct.pack("HBBI", *step) for step in _STEPS))
_NOBODY_NEW: Final = struct.pack("HP", len(_STEPS), _CODE.buffer_info()[0])


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
        server = getattr(signal.getsignal(number), "__self__", None)
        if isinstance(server, uvicorn.Server):
            drain_s = settings.DRAIN_S if number == signal.SIGTERM else 0.0
            loop.add_signal_handler(number, _leave, loop, drain_s, partial(_close, number, server))


def _leave(loop: asyncio.AbstractEventLoop, drain_s: float, close: Callable[[], None]) -> None:
    if drain_s and not is_stopping():
        logger.info("Told to stop: answering for %g more seconds", drain_s)
        loop.call_later(drain_s, close)
    else:
        close()
    _told.set()


def _close(number: signal.Signals, server: uvicorn.Server) -> None:
    site_closes.send_robust(sender=stop_in_order)
    empty = asyncio.ensure_future(_empty_the_queue(server))
    empty.add_done_callback(lambda _: server.handle_exit(number, None))


async def _empty_the_queue(server: uvicorn.Server) -> None:
    """Take in all who are connected, and nobody new: as a door closes, the system breaks what stands before it.

    Who knocks meanwhile is not heard, knocks again after a second, and is refused: a proxy asks another process then.
    A door that several workers share stays as it is.
    """
    doors = [door for each in server.servers for door in each.sockets if server.config.workers == 1]
    if sys.platform == "linux":
        for door in doors:
            door.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, _NOBODY_NEW)
    while select.select(doors, [], [], 0)[0]:
        await asyncio.sleep(0)


def keeps_nobody(application: Application) -> Application:
    """Answers of a process that stops end their connections, so that a proxy sends nothing more on one of them."""

    async def answer(scope: Any, receive: Receive, send: Send) -> None:
        async def send_last(message: Message) -> None:
            if message["type"] == "http.response.start" and is_stopping():
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        await application(scope, receive, send_last)

    return answer
