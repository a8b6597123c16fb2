"""Puts the signed-in member on the request, and answers for what concerns them."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRefresh

from accounts.http import SiteRequest, sign_in_first, with_retry_after
from accounts.limits import TooOften
from accounts.members import forget, recall
from credits_site.answers import refuse, wants_fragment
from credits_site.logs import learn
from credits_site.security_log import complain, note
from instant_admin.client.errors import MemberTokenRefused


class MemberMiddleware:
    """Sets `request.member`, and lets nobody keep what a member sees.

    Answers for a member whose refresh token Instant no longer knows, for who does something too often, and for a
    page that was left open by another member of this browser.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: SiteRequest) -> HttpResponse:
        request.member = recall(request.session)
        if request.member is not None:
            learn(member=str(request.member.id))
        response = HttpResponseClientRefresh() if _is_of_another(request) else self.get_response(request)
        if request.member is not None:
            add_never_cache_headers(response)
        return response

    def process_exception(self, request: SiteRequest, exception: Exception) -> HttpResponse | None:
        """What somebody was about to write stays in the session."""
        match exception:
            case MemberTokenRefused():  # signed out from elsewhere, or deleted
                note(request, "token refused")
                forget(request.session)
                request.member = None
                return sign_in_first(request)
            case TooOften():
                complain(request, "limit reached", limit=exception.limit)
                message = _("That was too often. Try again in %(wait)s") % {"wait": exception.wait}
                answer = refuse(request, HTTPStatus.TOO_MANY_REQUESTS, message)
                return with_retry_after(answer, exception.retry_after_s)
        return None


def _is_of_another(request: SiteRequest) -> bool:
    """Whether htmx asks from the page of another member. A form from there is refused by its token, and kept."""
    if request.member is None or request.method != "GET" or not wants_fragment(request):
        return False
    return request.headers.get("X-Member", str(request.member.id)) != str(request.member.id)
