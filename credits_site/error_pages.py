"""What is answered when no view could."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from credits_site.answers import (
    error_answer,
    is_plain_form,
    own_address,
    page_it_came_from,
    see_other,
    wants_json,
)
from credits_site.security_log import note


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: Django refused the request before any view saw it."""
    return error_answer(request, HTTPStatus.BAD_REQUEST, "This request makes no sense to us")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: signed in, perhaps, but not allowed."""
    note(request, "permission denied", path=request.path)
    return error_answer(request, HTTPStatus.FORBIDDEN, "You are not allowed to do that")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without a valid token. One from a page of ours that has gone stale is shown there anew."""
    if is_plain_form(request) and own_address(request, request.headers.get("Referer")):
        messages.warning(request, "That form was out of date, and nothing was done. Here is a fresh one.")
        return see_other(page_it_came_from(request))
    return error_answer(
        request, HTTPStatus.FORBIDDEN, "This form is out of date. Reload the page and try again"
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: there is nothing here, or nothing of yours."""
    return error_answer(request, HTTPStatus.NOT_FOUND, "There is nothing here")


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our mistake. The page needs no context, since anything may be broken."""
    if wants_json(request):
        return JsonResponse({"error": "Something broke on our side"}, status=500)
    return render(None, "500.html", status=500)
