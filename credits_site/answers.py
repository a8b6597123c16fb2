"""Answers: a page, a fragment for htmx, or JSON. The only reader of `request.htmx`, `Accept` and `Authorization`.

Only a GET renders a page, so that no reload repeats an action: a form that was sent without htmx is answered with a
redirect, and what there is to say stands on the page that it leads to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language, override
from django_htmx.middleware import HtmxDetails

from credits_site.headers import UNREADABLE
from credits_site.problems import PROBLEM, problem_details
from credits_site.security_log import request_id_of


class HtmxRequest(HttpRequest):
    """A request after django-htmx's middleware."""

    htmx: HtmxDetails


def bearer_token(request: HttpRequest) -> str | None:
    """The token that a program brought (RFC 6750), perhaps an empty one; None for whoever brought none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def wants_json(request: HttpRequest) -> bool:
    """Whether the caller would rather have JSON than HTML. A caller that takes anything gets HTML.

    Whoever sends JSON, as Stripe does, can read it, and so can who has a key. An `Accept` that cannot be
    read says nothing.
    """
    if request.content_type == "application/json" or bearer_token(request) is not None:
        return True
    try:
        return request.get_preferred_type(["text/html", "application/json"]) == "application/json"
    except UNREADABLE:
        return False


def wants_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a piece of a page. Boosted and history-restoring requests want the whole."""
    # Not `request.htmx`: errors are told before the middleware that sets it, too.
    htmx = HtmxDetails(request)
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def is_plain_form(request: HttpRequest) -> bool:
    """Whether a browser sent a form by itself: it shows whatever comes back as a page."""
    return request.method == "POST" and not wants_json(request) and not wants_fragment(request)


def render_page_or_fragment(
    request: HttpRequest, *, page: str, fragment: str, context: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    """Render `fragment` for htmx and `page`, which includes it, for everyone else."""
    return render_fragment(
        request, fragment if wants_fragment(request) else page, context=context, status=status
    )


def render_fragment(
    request: HttpRequest | None, template: str, *, context: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    """Render what stands at an address that answers others in another form."""
    response = render(request, template, dict(context), status=status)
    patch_vary_headers(response, ["HX-Request", "Accept"])
    return response


def download(name: str, parts: Iterator[str], *, content_type: str) -> HttpResponse:
    """A file to save as `name`, sent as its parts are made. What fails midway breaks the download off."""
    response = StreamingHttpResponse(
        _each_in(get_language(), parts),
        content_type=f"{content_type}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
    # To Django it is no `HttpResponse`; to our decorators and middlewares it does as one.
    return cast(HttpResponse, response)


def _each_in(language: str | None, parts: Iterator[str]) -> Iterator[str]:
    """The parts, each made in the language of the request, which is over by then."""
    while True:
        with override(language):
            part = next(parts, None)
        if part is None:
            return
        yield part


def see_other(address: str) -> HttpResponse:
    """303: the browser gets the page at `address`."""
    return HttpResponseRedirect(address, status=HTTPStatus.SEE_OTHER)


def absolute(request: HttpRequest, path: str) -> str:
    """`path` as an address to give away. Behind a proxy only SITE_URL knows it."""
    return settings.SITE_URL + path if settings.SITE_URL else request.build_absolute_uri(path)


def own_address(request: HttpRequest, address: str | None) -> str | None:
    """The path and query of an address of this very site; None for any other, and for none."""
    hosts = {request.get_host(), urlsplit(settings.SITE_URL).netloc}
    is_ours = url_has_allowed_host_and_scheme(address, hosts, require_https=request.is_secure())
    if not address or not is_ours:
        return None
    parts = urlsplit(address)
    local = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    # A path that begins with two slashes would name a host; one with none is a word, such as an `Origin` of null.
    is_path = local.startswith("/") and url_has_allowed_host_and_scheme(local, allowed_hosts=None)
    return local if is_path else None


def page_it_came_from(request: HttpRequest, *, otherwise: str = "/") -> str:
    """The page of this site on which a form was sent."""
    return own_address(request, request.headers.get("Referer")) or otherwise


def refuse(request: HttpRequest, status: HTTPStatus, message: str, **about: Any) -> HttpResponse:
    """Say `message`, which is written for a person; to a plain form, on the page that it came from.

    `about` is what `problem` also tells a program.
    """
    if not is_plain_form(request):
        return error_answer(request, status, message, **about)
    messages.error(request, f"{message}.")
    return see_other(page_it_came_from(request))


def problem(
    request: HttpRequest, status: HTTPStatus, error: str, *, kind: str = "", **members: Any
) -> JsonResponse:
    """A refusal for a program, see `problem_details`. `kind` is a section of the page about the API."""
    about = absolute(request, f"{reverse('api')}#{kind}") if kind else "about:blank"
    said = problem_details(status, error, about=about, instance=request_id_of(request), **members)
    response = JsonResponse(said, status=status, content_type=PROBLEM)
    patch_vary_headers(response, ["HX-Request", "Accept"])
    return response


def error_answer(
    request: HttpRequest, status: HTTPStatus, message: str, *, reopen: str | None = None, **about: Any
) -> HttpResponse:
    """`message`, which is written for a person, as JSON, fragment or page; `reopen` is the page to go on from.

    `about` is what `problem` also tells a program.
    """
    if wants_json(request):
        return problem(request, status, message, **about)
    context = {"status": status, "message": f"{message}.", "reopen": reopen}
    return render_page_or_fragment(
        request, page="error.html", fragment="_notice.html", context=context, status=status
    )


def first_error(form: Form) -> str:
    """What is wrong with a form, in one sentence, for a caller that has no form to show it in."""
    return next(str(messages[0]) for messages in form.errors.values())
