"""Requests of programs: they bring a token (`Authorization: Bearer …`, RFC 6750) where a browser has cookies."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


def bearer_token(request: HttpRequest) -> str | None:
    """The token that a program brought, perhaps an empty one; None for whoever brought none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


class ProgramMiddleware:
    """Before the session: who brings a token is known by that alone, and no cookie counts.

    So no session is read or written, and no form's token is asked for: no browser adds this header by itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if bearer_token(request) is not None:
            request.META.pop("HTTP_COOKIE", None)
            # What Django's CSRF middleware sets when it is content.
            request.csrf_processing_done = True  # type: ignore[attr-defined]
        return self.get_response(request)
