"""Puts the member who asks on the request, and answers for what concerns them."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRefresh

from accounts.http import SiteRequest, sign_in_first, unauthorized, with_quota, with_retry_after
from accounts.keys.programs import Program, UnknownKey, may_use, program_with
from accounts.limits import TooOften, count
from accounts.members import forget, recall
from credits_site.addresses import address_of, network_of
from credits_site.answers import bearer_token, problem, refuse, wants_fragment
from credits_site.logs import learn
from credits_site.security_log import complain, note
from instant_admin.client.errors import MemberTokenRefused
from instant_admin.ledger.allowances import AllowanceSpent

WRONG_KEYS: Final = "WRONG_KEYS_PER_ADDRESS_PER_HOUR"
KEY_REQUESTS: Final = "REQUESTS_PER_KEY_PER_MINUTE"


class MemberMiddleware:
    """Sets `request.member`, and lets nobody keep what a member sees.

    Answers for a member whose refresh token Instant no longer knows, for who does something too often, for a
    page that was left open by another member of this browser, and for a program whose key is not good for this.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: SiteRequest) -> HttpResponse:
        token = bearer_token(request)
        if token is not None:
            response = self._for_program(request, token)
        else:
            request.member = recall(request.session)
            if request.member is not None:
                learn(member=str(request.member.id))
            response = HttpResponseClientRefresh() if _is_of_another(request) else self.get_response(request)
        if request.member is not None:
            add_never_cache_headers(response)
        return response

    def _for_program(self, request: SiteRequest, token: str) -> HttpResponse:
        request.member = None
        try:
            request.member = program = program_with(token)
            learn(member=str(program.id))
            quota = count(KEY_REQUESTS, of=program.key.pk)
        except UnknownKey:
            return _key_refused(request)
        except TooOften as exc:
            return _too_often(request, exc)
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed):
            response = _wrong_method(request, allowed=response["Allow"])
        return with_quota(response, quota)

    def process_view(
        self, request: SiteRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """A program gets no further than its key allows."""
        if not isinstance(request.member, Program) or may_use(request.member, view):
            return None
        complain(request, "key not allowed", key=request.member.key.pk, path=request.path)
        return problem(request, HTTPStatus.FORBIDDEN, _("This key is not good for that"), kind="wrong-key")

    def process_exception(self, request: SiteRequest, exception: Exception) -> HttpResponse | None:
        """What somebody was about to write stays in the session."""
        match exception:
            case MemberTokenRefused() if isinstance(request.member, Program):
                return _key_refused(request)
            case MemberTokenRefused():  # signed out from elsewhere, or deleted
                note(request, "token refused")
                forget(request.session)
                request.member = None
                return sign_in_first(request)
            case TooOften():
                return _too_often(request, exception)
            case AllowanceSpent():
                return _spent_today(request, exception)
        return None


def _key_refused(request: SiteRequest) -> HttpResponse:
    complain(request, "key refused")
    try:
        count(WRONG_KEYS, of=network_of(address_of(request)))
    except TooOften as exc:
        return _too_often(request, exc)
    said = _("This key is unknown, or was revoked")
    return unauthorized(request, said, challenge='Bearer error="invalid_token"')


def _wrong_method(request: SiteRequest, *, allowed: str) -> HttpResponse:
    said = _("This address takes %(methods)s only") % {"methods": allowed}
    response = problem(request, HTTPStatus.METHOD_NOT_ALLOWED, said)
    response["Allow"] = allowed
    return response


def _too_often(request: HttpRequest, exception: TooOften) -> HttpResponse:
    complain(request, "limit reached", limit=exception.limit)
    message = _("That was too often. Try again in %(wait)s") % {"wait": exception.wait}
    answer = refuse(request, HTTPStatus.TOO_MANY_REQUESTS, message)
    return with_retry_after(with_quota(answer, exception.quota), exception.retry_after_s)


def _spent_today(request: HttpRequest, exception: AllowanceSpent) -> HttpResponse:
    """Until midnight, UTC, when the ledger begins another day; what needs more than the limit never works."""
    told = {"needed": exception.needed, "used": exception.used, "most": exception.most}
    said = (
        _("The limit of today is %(most)s credits, and %(used)s are spent. This needs %(needed)s more") % told
    )
    answer = refuse(request, HTTPStatus.TOO_MANY_REQUESTS, said, kind="daily-limit", **told)
    if exception.needed > exception.most:
        return answer
    now = timezone.now().astimezone(UTC)
    tomorrow = datetime.combine(now.date() + timedelta(days=1), time(), tzinfo=UTC)
    return with_retry_after(answer, math.ceil((tomorrow - now).total_seconds()))


def _is_of_another(request: SiteRequest) -> bool:
    """Whether htmx asks from the page of another member. A form from there is refused by its token, and kept."""
    if request.member is None or request.method != "GET" or not wants_fragment(request):
        return False
    return request.headers.get("X-Member", str(request.member.id)) != str(request.member.id)
