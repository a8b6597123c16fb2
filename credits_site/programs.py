"""Requests of programs: they bring a token where a browser has cookies."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language_from_request, override
from django.utils.translation import gettext as _

from credits_site.answers import bearer_token, problem
from credits_site.plain_text import SECURITY_HEADERS


class ProgramMiddleware:
    """Before all that reads cookies: who brings a token is known by that alone, and no cookie counts.

    So no session is read or written, and no form's token is asked for: no browser adds this header by itself. Nor is
    a program redirected to https: it would go on sending its token in the clear, and nobody would notice.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if bearer_token(request) is not None:
            if settings.SECURE_SSL_REDIRECT and not request.is_secure():
                return _in_the_clear(request)
            request.META.pop("HTTP_COOKIE", None)
            # What Django's CSRF middleware sets when it is content.
            request.csrf_processing_done = True  # type: ignore[attr-defined]
        return self.get_response(request)


def _in_the_clear(request: HttpRequest) -> HttpResponse:
    with override(get_language_from_request(request)):
        said = _("Use https. This key was sent in the clear: revoke it, and make another")
    response = problem(request, HTTPStatus.FORBIDDEN, said)
    for name, value in SECURITY_HEADERS.items():
        response[name] = value
    return response
