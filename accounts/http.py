"""Who is asking, and who may."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Concatenate, ParamSpec, TypeAlias, cast
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from accounts.limits import Quota, count
from accounts.members import Member
from credits_site.answers import (
    HtmxRequest,
    own_address,
    page_it_came_from,
    problem,
    see_other,
    wants_fragment,
    wants_json,
)

P = ParamSpec("P")
View: TypeAlias = Callable[Concatenate["SiteRequest", P], HttpResponse]


class SiteRequest(HtmxRequest):
    """A request after our middleware: it knows htmx, and who is signed in."""

    member: Member | None


def signed_in(request: HttpRequest) -> Member:
    """The member, in a view behind `@member_required`; anywhere else, asking is a mistake."""
    member = cast(SiteRequest, request).member
    if member is None:
        raise LookupError("nobody is signed in; the view lacks @member_required")
    return member


def member_required(view: View[P]) -> View[P]:
    """Let only signed-in members in, and let nobody keep a copy of what they see.

    Signed out: a page redirects to sign-in, htmx gets a client redirect there, JSON gets 401.
    """

    @wraps(view)
    def checked(request: SiteRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        response = sign_in_first(request) if request.member is None else view(request, *args, **kwargs)
        add_never_cache_headers(response)
        return response

    return checked


def limited(limit: str) -> Callable[[View[P]], View[P]]:
    """Let each member do it as often as the setting `limit` allows; inside `@member_required`."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def counted(request: SiteRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            quota = count(limit, of=signed_in(request).id)
            return with_quota(view(request, *args, **kwargs), quota)

        return counted

    return decorate


def sign_in_first(request: HttpRequest) -> HttpResponse:
    """The answer to someone who is signed out and asks for what members have. Signing in brings them back."""
    if wants_json(request):
        return unauthorized(request, _("Sign in first"))
    if wants_fragment(request):
        shown = own_address(request, cast(HtmxRequest, request).htmx.current_url)
        return HttpResponseClientRedirect(sign_in_page(shown or "/"))
    shown = request.get_full_path() if request.method == "GET" else page_it_came_from(request)
    return see_other(sign_in_page(shown))


def unauthorized(request: HttpRequest, error: str, *, challenge: str = "Bearer") -> HttpResponse:
    """401 for a program: it needs a key, or another one (RFC 6750)."""
    response = problem(request, HTTPStatus.UNAUTHORIZED, error)
    response["WWW-Authenticate"] = challenge
    return response


def with_quota(response: HttpResponse, quota: Quota | None) -> HttpResponse:
    """`response`, and what is left of a limit, beside what it says of others already."""
    for name, value in quota.headers.items() if quota else ():
        response[name] = f"{response[name]}, {value}" if name in response else value
    return response


def with_retry_after(response: HttpResponse, seconds: int | None) -> HttpResponse:
    """`response`, and if it is a refusal when it is worth trying again."""
    if seconds is not None and response.status_code >= HTTPStatus.BAD_REQUEST:
        response["Retry-After"] = str(seconds)
    return response


def sign_in_page(back_to: str) -> str:
    """The address of the page to sign in, which leads back to an address of this site afterwards."""
    page = reverse("accounts:sign-in")
    return page if back_to == "/" else f"{page}?{urlencode({'next': back_to})}"
