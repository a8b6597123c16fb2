"""Who may call a view."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpResponse
from django.utils.cache import add_never_cache_headers

from credits_site.answers import SiteRequest, sign_in_first

P = ParamSpec("P")


def member_required(
    view: Callable[Concatenate[SiteRequest, P], HttpResponse],
) -> Callable[Concatenate[SiteRequest, P], HttpResponse]:
    """Let only signed-in members in, and let nobody keep a copy of what they see.

    Signed out: a page redirects to the landing page, htmx gets a client redirect, JSON gets 401.
    """

    @wraps(view)
    def checked(request: SiteRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        response = sign_in_first(request) if request.member is None else view(request, *args, **kwargs)
        add_never_cache_headers(response)
        return response

    return checked
