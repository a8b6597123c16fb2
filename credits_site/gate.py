"""What no honest client sends is refused here, before Django reads it.

Django's parser of header parameters and Python's of cookies take time that grows with the square of the length: a
`Content-Type` of 120 kB takes ten seconds, in the thread that serves everybody. A short one takes less than a
millisecond, whatever is in it.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language_from_request, gettext_noop, override
from django.utils.translation import gettext as _

from credits_site import descriptors
from credits_site.addresses import network_of
from credits_site.metrics import REFUSED
from credits_site.plain_text import Application, Message, Receive, Send, say
from credits_site.problems import PROBLEM, problem_details
from credits_site.proxies import as_sent

# Of the address and all headers together. Two of them come near to it honestly: cookies and the page one comes from.
HEAD_LIMIT_BYTES: Final = 16_384
HEADERS_LIMIT: Final = 100
HEADER_LIMIT_BYTES: Final = 4096
# Of those that are parsed into parameters.
SHORTER_LIMITS_BYTES: Final[Mapping[bytes, int]] = {
    b"accept": 1024,
    b"content-type": 256,
    b"host": 256,
    b"stripe-signature": 1024,
}
BODY_LIMIT_BYTES: Final = 64 * 1024
RETRY_AFTER_S: Final = 5
_SAID: Final = {
    HTTPStatus.REQUEST_TIMEOUT: gettext_noop(
        "This took too long to arrive. Check your connection and try again."
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: gettext_noop("This is more than the site takes at once. Send less."),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: gettext_noop(
        "This request has longer headers than the site takes. Delete the cookies of this site and try again."
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: gettext_noop("The site is busy right now. Try again in a moment."),
}


class Refused(Exception):
    """The request goes no further than to an answer with `status`."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class Disconnected(Exception):
    """The client has gone; nobody waits for an answer."""


class Places:
    """So many requests at once, and so many of them from one network."""

    def __init__(self, most: Callable[[], int], *, most_of_a_network: Callable[[], int]) -> None:
        self._most = most
        self._most_of_a_network = most_of_a_network
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, network: str) -> Iterator[None]:
        """One place until the end. Raises `Refused` when there is none."""
        if self._taken.total() >= self._most() or self._taken[network] >= self._most_of_a_network():
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE)
        self._taken[network] += 1
        try:
            yield
        finally:
            self._taken[network] -= 1
            if not self._taken[network]:
                del self._taken[network]


class Gate:
    """An ASGI application in front of `application`, which gets the body whole or not at all.

    Some paths take longer bodies than others: `body_limits_bytes`. What is under way is counted, and apart from it
    the `streams`, which go on for as long as a page is open. `uncounted` is what must be answered meanwhile.
    """

    def __init__(
        self,
        application: Application,
        *,
        body_limits_bytes: Mapping[str, int],
        streams: Collection[str],
        uncounted: Collection[str],
    ) -> None:
        self._application = application
        self._body_limits_bytes = body_limits_bytes
        self._places = dict.fromkeys(streams, _places_of_streams()) | dict.fromkeys(uncounted)
        self._other_places = Places(_requests, most_of_a_network=_requests)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with 408, 413, 431 or 503 and close the connection."""
        scope = as_sent(scope)
        places = self._places.get(scope["path"], self._other_places)
        network = network_of(scope["client"][0]) if scope["client"] else ""
        try:
            check_head(scope)
            limit_bytes = self._body_limits_bytes.get(scope["path"], BODY_LIMIT_BYTES)
            body = await _whole_body(scope, receive, limit_bytes=limit_bytes)
            with places.taken(network) if places else nullcontext():
                await self._application(scope, _received(body, receive), send)
        except Refused as exc:
            await refuse(scope, send, exc.status)
        except Disconnected:
            pass


def _requests() -> Any:
    return settings.REQUESTS_PER_PROCESS


def _places_of_streams() -> Places:
    return Places(
        lambda: min(settings.STREAMS_PER_PROCESS, descriptors.for_streams()),
        most_of_a_network=lambda: settings.STREAMS_PER_ADDRESS,
    )


def check_head(scope: Any) -> None:
    """Raise `Refused` for headers that are longer, or more, than they can honestly be."""
    lengths: Counter[bytes] = Counter()
    for name, value in scope["headers"]:
        lengths[name] += len(value)  # Django puts repeated ones together
    whole = (
        len(scope["raw_path"]) + len(scope["query_string"]) + sum(len(name) for name, _ in scope["headers"])
    )
    if (
        whole + lengths.total() > HEAD_LIMIT_BYTES
        or len(scope["headers"]) > HEADERS_LIMIT
        or any(
            length > SHORTER_LIMITS_BYTES.get(name, HEADER_LIMIT_BYTES) for name, length in lengths.items()
        )
    ):
        raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)


async def _whole_body(scope: Any, receive: Receive, *, limit_bytes: int) -> bytes:
    """The body. One that is said to be too long is refused before a byte of it is asked for."""
    announced = dict(scope["headers"]).get(b"content-length", b"0")
    # The server has made sure that this is a number; of one with 300 digits the length says enough.
    if len(announced) > len(str(limit_bytes)) or int(announced) > limit_bytes:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    body = bytearray()
    try:
        async with asyncio.timeout(settings.CLIENT_TIMEOUT_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Disconnected
                body += message.get("body", b"")
                if len(body) > limit_bytes:
                    raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise Refused(HTTPStatus.REQUEST_TIMEOUT) from None


def _received(body: bytes, receive: Receive) -> Receive:
    """What gives the body first and then whatever comes, which is the client's end."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_message


async def refuse(scope: Any, send: Send, status: HTTPStatus) -> None:
    """Say why not, to a person or a program, and close the connection."""
    REFUSED.labels(status.value).inc()
    wants_json = any(
        (name == b"accept" and b"application/json" in value)
        or (name == b"authorization" and value[:7].lower() == b"bearer ")
        for name, value in scope["headers"]
    )
    may_try_again = status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.REQUEST_TIMEOUT)
    headers = {"Cache-Control": "no-store", "Connection": "close"}
    if may_try_again:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    with override(_language_of(scope)):
        text = _(_SAID[status])
    if wants_json:
        said = json.dumps(problem_details(status, text, retry=may_try_again))
        await say(send, status, said, headers, kind=PROBLEM)
    else:
        await say(send, status, text, headers)


def _language_of(scope: Any) -> str:
    """What the browser asks for. Its cookies may be what is too long."""
    request = HttpRequest()
    accepted = dict(scope["headers"]).get(b"accept-language", b"")
    request.META["HTTP_ACCEPT_LANGUAGE"] = accepted.decode("latin-1")
    return get_language_from_request(request)
