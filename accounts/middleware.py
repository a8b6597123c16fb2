"""Puts the signed-in member on the request."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts.http import SiteRequest, sign_in_first
from accounts.members import forget, recall
from instant_admin.client.errors import MemberTokenRefused


class MemberMiddleware:
    """Sets `request.member`; answers for a member whose refresh token Instant no longer knows."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: SiteRequest) -> HttpResponse:
        request.member = recall(request.session)
        return self.get_response(request)

    def process_exception(self, request: SiteRequest, exception: Exception) -> HttpResponse | None:
        """Signed out from elsewhere, or deleted. What they were about to write stays in the session."""
        if not isinstance(exception, MemberTokenRefused):
            return None
        forget(request.session)
        return sign_in_first(request)
