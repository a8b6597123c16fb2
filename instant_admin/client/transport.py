"""Sends what `protocol.py` builds: the pool of sessions, the headers, the timeouts, the retries, the log line."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import requests
from requests.auth import AuthBase
from urllib3.exceptions import NewConnectionError

from instant_admin.client import protocol
from instant_admin.client.errors import InstantUnreachable
from instant_admin.client.protocol import Call
from instant_admin.client.sse import EventStream

logger = logging.getLogger(__name__)

# Connecting takes milliseconds or fails; an answer may wait for locks on a busy account.
CONNECT_TIMEOUT_S = 3.05
READ_TIMEOUT_S = 10.0
# What does no harm twice is sent again after a broken connection, after these pauses; not after a timeout,
# which has cost its caller enough. Any other write never is: only who knows its idempotency key can tell.
RETRY_PAUSES_S = (0.1, 0.5)


class Transport:
    """One Instant app over HTTP. Safe to share between threads."""

    def __init__(
        self,
        *,
        api_uri: str,
        app_id: str,
        admin_token: str,
        timeout_s: tuple[float, float],
        sleep: Callable[[float], None],
        new_session: Callable[[], requests.Session],
    ) -> None:
        self._api_uri = api_uri
        self._app_id = app_id
        self._admin_token = admin_token
        self._timeout_s = timeout_s
        self._sleep = sleep
        self._new_session = new_session
        self._idle: queue.LifoQueue[requests.Session] = queue.LifoQueue()

    def send(self, call: Call) -> dict[str, Any]:
        """The answer to `call`, or an `InstantError`."""
        return self.send_dated(call)[0]

    def send_dated(self, call: Call) -> tuple[dict[str, Any], datetime | None]:
        """The answer to `call` with the time it was there, as its `Date` header says; or an `InstantError`."""
        for pause_s in () if call.effect == "each" else RETRY_PAUSES_S:
            try:
                return self._send_once(call)
            except InstantUnreachable as exc:
                if exc.timed_out:
                    raise
                self._sleep(pause_s)
        return self._send_once(call)

    def listen(self, call: Call, *, silence_limit_s: float) -> EventStream:
        """Open a stream of events on a connection of its own; a refusal is an `InstantError` as in `send`."""
        with self._outcome_logged(call) as outcome, self._new_session() as session:
            timeout_s = (self._timeout_s[0], silence_limit_s)
            response = self._request(session, call, timeout_s=timeout_s, stream=True)
            outcome.append(str(response.status_code))
            if response.status_code == 200:
                return EventStream(response.raw)
            with response:
                protocol.read_answer(call, response.status_code, response.content)
        raise protocol.nonsense("a stream that is none", may_have_been_written=False)

    def _send_once(self, call: Call) -> tuple[dict[str, Any], datetime | None]:
        with self._outcome_logged(call) as outcome, self._session() as session:
            response = self._request(session, call, timeout_s=self._timeout_s)
            outcome.append(str(response.status_code))
            answer = protocol.read_answer(call, response.status_code, response.content)
            return answer, protocol.read_date(response.headers.get("Date"))

    def _request(
        self, session: requests.Session, call: Call, *, timeout_s: tuple[float, float], stream: bool = False
    ) -> requests.Response:
        headers = {"App-Id": self._app_id} | dict(call.identity.headers)
        if stream:
            # Compression would hold events back.
            headers |= {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        return session.request(
            call.method,
            self._api_uri + call.path,
            params=dict(call.params),
            json=call.body,
            headers=headers,
            auth=_Bearer(self._admin_token if call.identity.needs_admin_token else None),
            timeout=timeout_s,
            allow_redirects=False,
            stream=stream,
        )

    @contextmanager
    def _outcome_logged(self, call: Call) -> Iterator[list[str]]:
        """Says in the log how one try went, and in our words what went wrong with it."""
        started_s = time.monotonic()
        outcome: list[str] = []
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
            elapsed_ms = (time.monotonic() - started_s) * 1000
            said = outcome[0] if outcome else "no answer"
            logger.debug("%s %s: %s in %.0f ms", call.method, call.path, said, elapsed_ms)

    @contextmanager
    def _session(self) -> Iterator[requests.Session]:
        """A session that no other thread uses meanwhile; a Session is not promised to be thread-safe.

        A pool and not one session per thread, because an ASGI server runs every request in a new thread, and
        a session that dies with its thread keeps no connection alive.
        """
        try:
            session = self._idle.get_nowait()
        except queue.Empty:
            session = self._new_session()
        try:
            yield session
        finally:
            self._idle.put(session)


class _Bearer(AuthBase):
    """Sets or withholds the admin token. Given to every request, so that no ~/.netrc entry gets in its place."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _never_connected(exc: requests.RequestException) -> bool:
    """Whether the request cannot have reached Instant, because there was no connection to send it on."""
    if isinstance(exc, requests.ConnectTimeout):
        return True
    reason = getattr(exc.args[0], "reason", None) if exc.args else None
    return isinstance(exc, requests.ConnectionError) and isinstance(reason, NewConnectionError)
