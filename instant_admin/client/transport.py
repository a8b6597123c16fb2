"""Sends what `protocol.py` builds: the connections, headers, timeouts, retries, the breaker, the log line."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import urlencode

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.exceptions import NewConnectionError

from instant_admin.client import protocol
from instant_admin.client.breaker import Breaker
from instant_admin.client.errors import (
    UNKNOWN,
    InstantBroken,
    InstantBusy,
    InstantError,
    InstantUnreachable,
    Refusal,
)
from instant_admin.client.protocol import Call
from instant_admin.client.sse import EventStream

logger = logging.getLogger(__name__)

# Connecting takes milliseconds or fails; an answer may wait for locks on a busy account.
CONNECT_TIMEOUT_S = 3.05
READ_TIMEOUT_S = 10.0
# What does no harm twice is sent again after a broken connection, after these pauses; not after a timeout,
# which has cost its caller enough. Any other write never is: only who knows its idempotency key can tell.
RETRY_PAUSES_S = (0.1, 0.5)
# More threads than this may call at once; what they need besides is closed when it has been used.
CONNECTIONS_KEPT = 128
# An app is frozen for a minute or a few.
READ_ONLY_RETRY_AFTER_S = 60

# Told of each try: the HTTP status of its answer, None for none, and how long that took, in seconds.
OnCall: TypeAlias = Callable[[int | None, float], object]


def default_adapter() -> BaseAdapter:
    """What sends unless a caller brings their own: `requests` over a pool that any number of threads may share."""
    return HTTPAdapter(pool_connections=1, pool_maxsize=CONNECTIONS_KEPT)


# Without a repr, which would show the token.
@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Transport:
    """One Instant app over HTTP. Safe to share between threads.

    Calls go straight to the adapter: what a `requests.Session` adds (proxies, certificates and passwords that the
    environment names, cookies, redirects) takes as long again as sending, and none of it is for Instant.
    """

    api_uri: str
    app_id: str
    admin_token: str
    timeout_s: tuple[float, float]
    sleep: Callable[[float], None]
    adapter: BaseAdapter
    verify: bool | str
    read_only: bool
    breaker: Breaker
    on_call: OnCall

    def send(self, call: Call) -> dict[str, Any]:
        """The answer to `call`, or an `InstantError`."""
        return self.send_dated(call)[0]

    def send_dated(self, call: Call) -> tuple[dict[str, Any], datetime | None]:
        """The answer to `call` with the time it was there, as its `Date` header says; or an `InstantError`."""
        if self.read_only and call.effect != "none":
            raise InstantBusy(Refusal(503, "read-only", retry_after_s=READ_ONLY_RETRY_AFTER_S))
        for pause_s in () if call.effect == "each" else RETRY_PAUSES_S:
            try:
                return self._send_once(call)
            except InstantUnreachable as exc:
                if exc.timed_out or not self.breaker.lets_retry():
                    raise
                self.sleep(pause_s)
        return self._send_once(call)

    def listen(self, call: Call, *, silence_limit_s: float) -> EventStream:
        """Open a stream of events on a connection of its own; a refusal is an `InstantError` as in `send`.

        Whoever listens has pauses of their own, and does not ask the breaker.
        """
        with self._outcome_told(call) as outcome:
            timeout_s = (self.timeout_s[0], silence_limit_s)
            response = self._request(call, timeout_s=timeout_s, stream=True)
            outcome.append(response.status_code)
            if response.status_code == 200:
                return EventStream(response.raw)
            with response:
                protocol.read_answer(call, response.status_code, response.content)
        raise protocol.nonsense("a stream that is none", may_have_been_written=False)

    def _send_once(self, call: Call) -> tuple[dict[str, Any], datetime | None]:
        if not self.breaker.lets_through():
            raise InstantUnreachable(
                f"Instant was not asked for {call.method} {call.path}: it has not answered of late",
                may_have_been_written=False,
                was_asked=False,
            )
        try:
            with self._outcome_told(call) as outcome:
                response = self._request(call, timeout_s=self.timeout_s)
                outcome.append(response.status_code)
                answer = protocol.read_answer(call, response.status_code, response.content)
        except InstantError as exc:
            (self.breaker.failed if _is_down(exc) else self.breaker.answered)()
            raise
        self.breaker.answered()
        return answer, protocol.read_date(response.headers.get("Date"))

    def _request(
        self, call: Call, *, timeout_s: tuple[float, float], stream: bool = False
    ) -> requests.Response:
        headers = {"App-Id": self.app_id, "Accept-Encoding": "gzip, deflate"} | dict(call.identity.headers)
        if stream:
            # Compression would hold events back.
            headers |= {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        if call.identity.needs_admin_token:
            headers["Authorization"] = f"Bearer {self.admin_token}"
        request = requests.PreparedRequest()
        request.method = call.method
        request.url = self.api_uri + call.path + (f"?{urlencode(call.params)}" if call.params else "")
        request.prepare_headers(headers)
        request.prepare_body(None, None, json=call.body)
        return self.adapter.send(request, stream=stream, timeout=timeout_s, verify=self.verify)

    @contextmanager
    def _outcome_told(self, call: Call) -> Iterator[list[int]]:
        """Says in the log and to `on_call` how one try went, and in our words what went wrong with it."""
        started_s = time.monotonic()
        outcome: list[int] = []
        try:
            yield outcome
        except requests.RequestException as exc:
            # `from None`: what requests says can hold the whole URL, with an email or a token in it.
            raise InstantUnreachable(
                f"No answer from Instant to {call.method} {call.path} ({type(exc).__name__})",
                may_have_been_written=call.effect != "none" and not _never_connected(exc),
                timed_out=isinstance(exc, requests.Timeout),
            ) from None
        finally:
            elapsed_s = time.monotonic() - started_s
            status = outcome[0] if outcome else None
            logger.debug(
                "%s %s: %s in %.0f ms", call.method, call.path, status or "no answer", elapsed_s * 1000
            )
            self.on_call(status, elapsed_s)


def _is_down(exc: InstantError) -> bool:
    """Whether Instant does not answer. Its own words for what broke are an answer: a stranger can call them forth."""
    if isinstance(exc, InstantBroken):
        return exc.refusal.status >= 500 and exc.refusal.type == UNKNOWN
    return isinstance(exc, InstantUnreachable)


def _never_connected(exc: requests.RequestException) -> bool:
    """Whether the request cannot have reached Instant, because there was no connection to send it on."""
    if isinstance(exc, requests.ConnectTimeout):
        return True
    reason = getattr(exc.args[0], "reason", None) if exc.args else None
    return isinstance(exc, requests.ConnectionError) and isinstance(reason, NewConnectionError)
