"""POST /admin/subscribe-query: the answer of a query, and again each time that it has changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from sandbox.instant.access import Caller
from sandbox.instant.admin_routes import answer_query
from sandbox.instant.call import Call
from sandbox.instant.errors import ApiError
from sandbox.instant.query import Answer
from sandbox.instant.storage import last_transaction_id
from sandbox.instant.values import Json, new_uuid
from sandbox.serving import Response

_HEADERS: Final[Mapping[str, str]] = {
    "content-type": "text/event-stream; charset=UTF-8",
    "cache-control": "nocache",
}


def subscribe(call: Call) -> Response:
    """Open the stream. What is wrong with the caller is an ordinary answer; with the query, an event."""
    asked = call.field("query", dict)
    subscription = Subscription(call, call.caller(), asked)
    subscription.start()
    return Response(headers=_HEADERS, stream=subscription.events())


@dataclass(slots=True)
class Subscription:
    """One stream. The caller is looked at once, when it opens; sign-out does not end it.

    After the first write that follows, whatever it touches, the tree is sent again even if it is the same: the
    real server does so at times, and this one always, so that nobody relies on the contrary.
    """

    call: Call
    caller: Caller
    query: Json
    _first: Json = None
    _shown: str | None = None
    _repeats: bool = True
    _ids: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Answer the query for the first time."""
        self._ids = [new_uuid(self.call.backend.rng) for _ in range(4)]
        try:
            answer, tx_id = self._ask()
        except ApiError as exc:
            event = {"op": "add-query", "q": self.query, "client-event-id": self._ids[3]}
            self._first = _error(exc, event)
            return
        self._shown = _compared(answer)
        self._first = {
            "op": "add-query-ok",
            "q": self.query,
            "result": answer.tree,
            "result-meta": _meta(answer),
            **_progress(tx_id),
            "client-event-id": self._ids[3],
        }

    async def events(self) -> AsyncIterator[bytes]:
        """The lines of the stream. Between the first answer and the wait for changes nothing is missed."""
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()

        def committed(app: str) -> None:
            if app == self.caller.app.id:
                # The loop may have been closed since the commit began.
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._note_write, changed)

        stop = self.call.backend.storage.subscribe(committed)
        try:
            # A commit between the first answer and this moment was not announced, so look once more.
            changed.set()
            machine, session, token, _ = self._ids
            yield b"retry:500\n\n"
            yield self._event(
                {"op": "sse-init", "machine-id": machine, "session-id": session, "sse-token": token}
            )
            yield self._event(self._first)
            await self._go_deaf_after(self._first)
            while True:
                if not await _set_within(changed, self.call.backend.keep_alive_s):
                    yield b":\n\n"
                    continue
                changed.clear()
                message = await loop.run_in_executor(None, self._refresh)
                if message is not None:
                    yield self._event(message)
                    await self._go_deaf_after(message)
        finally:
            stop()

    def _note_write(self, changed: asyncio.Event) -> None:
        if self._repeats:
            self._shown, self._repeats = None, False
        changed.set()

    async def _go_deaf_after(self, message: Json) -> None:
        """After an error the real server drops the query and keeps the connection alive."""
        if message["op"] == "error":
            await asyncio.Event().wait()

    def _refresh(self) -> dict[str, Json] | None:
        """The message for a new answer, or None when it is the old one."""
        try:
            answer, tx_id = self._ask()
        except ApiError as exc:
            return _error(exc, {"op": "refresh"})
        compared = _compared(answer)
        if compared == self._shown:
            return None
        self._shown = compared
        computation = {
            "instaql-result": answer.tree,
            "result-meta": _meta(answer),
            "instaql-query": self.query,
            "result-changed?": True,
            "duration-ms": 0,
        }
        catalog = self.call.backend.storage.catalog(self.caller.app.id)
        attrs = [attr.as_json() for attr in catalog.attributes]
        return {"op": "refresh-ok", "computations": [computation], **_progress(tx_id), "attrs": attrs}

    def _ask(self) -> tuple[Answer, int]:
        with self.call.backend.storage.reading() as connection:
            tx_id = last_transaction_id(connection)
        return answer_query(self.call, self.caller, self.query)[0], tx_id

    def _event(self, message: dict[str, Json]) -> bytes:
        trace = f"{self.call.backend.rng.getrandbits(128):032x}"
        return b"data:" + json.dumps({**message, "trace-id": trace}).encode() + b"\n\n"


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


def _error(exc: ApiError, original: dict[str, Json]) -> dict[str, Json]:
    body = {"type": exc.kind, "message": exc.message, "hint": exc.hint}
    return {"op": "error", "status": exc.status, **body, "original-event": original}


def _compared(answer: Answer) -> str:
    return json.dumps([answer.tree, answer.page_info, answer.aggregate], sort_keys=True)


def _meta(answer: Answer) -> dict[str, Json]:
    return {"page-info": answer.page_info, "aggregate": answer.aggregate}


def _progress(tx_id: int) -> dict[str, Json]:
    return {"processed-tx-id": tx_id, "processed-isn": f"1/0/{tx_id:X}"}
