"""An answer that is no page, and that passes by Django and its middlewares."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeAlias
from wsgiref.headers import Headers

Message: TypeAlias = Any  # a dict with a `type`
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Any, Receive, Send], Awaitable[None]]

# What no middleware adds to it.
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def add_security_headers(headers: Headers, path: str, url: str) -> None:
    """Add them to those of a static file."""
    for name, value in SECURITY_HEADERS.items():
        headers[name] = value


async def say(
    send: Send, status: HTTPStatus, text: str, headers: Mapping[str, str], *, kind: str = "text/plain"
) -> None:
    """Send `text`."""
    body = text.encode()
    whole = {
        "content-type": f"{kind}; charset=utf-8" if kind == "text/plain" else kind,
        "content-length": str(len(body)),
        **SECURITY_HEADERS,
        **headers,
    }
    encoded = [(name.lower().encode(), value.encode()) for name, value in whole.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
