"""Signing in with a code sent by mail, and signing out. Full pages: the session and CSRF token change here."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import codes
from accounts.codes import ExpiredCode, MailFailed, TooManyTries, UnusableEmail, WrongCode
from accounts.forms import CodeForm, EmailForm
from accounts.http import SiteRequest
from accounts.limits import TooOften
from accounts.members import remember
from accounts.signals import member_signed_out
from credits_site.answers import (
    first_error,
    own_address,
    page_it_came_from,
    refuse,
    see_other,
    wants_json,
)
from credits_site.forms import KeptForm

MAIL_RETRY_AFTER_S: Final = 30
# The email that a code was sent to, and where its owner wants to be: `{"email": …, "next": …}`.
_WAITING: Final = "sign-in"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: SiteRequest) -> HttpResponse:
    """Ask for an email; send a code there."""
    if request.method != "POST":
        if request.member is not None:
            return redirect(own_address(request, request.GET.get("next")) or "home")
        form = EmailForm.recall(request.session, initial={"next": request.GET.get("next", "")})
        return render(request, "accounts/sign_in.html", {"form": form})
    form = EmailForm.sent(request)
    if not form.is_valid():
        return _refused(request, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    email = form.cleaned_data["email"]
    if failure := _send_code(request, email):
        form.add_error("email", f"{failure.message}.")
        return _refused(request, form, failure.status, retry_after_s=failure.retry_after_s)
    form.forget(request.session)
    back_to = own_address(request, form.cleaned_data["next"]) or "/"
    request.session[_WAITING] = {"email": email, "next": back_to}
    return JsonResponse({"sent": True}) if wants_json(request) else see_other(reverse("accounts:enter-code"))


@require_POST
def resend_code(request: SiteRequest) -> HttpResponse:
    """Send a new code to the email that waits for one."""
    waiting = request.session.get(_WAITING)
    if waiting is None:
        return _start_over(request)
    if failure := _send_code(request, waiting["email"]):
        return _with_retry_after(refuse(request, failure.status, failure.message), failure.retry_after_s)
    if wants_json(request):
        return JsonResponse({"sent": True})
    messages.success(request, "A new code is on its way.")
    return see_other(reverse("accounts:enter-code"))


@dataclass(frozen=True, slots=True)
class _NotSent:
    """Why no code was sent, in words for a person."""

    message: str
    status: HTTPStatus
    retry_after_s: int | None = None


def _send_code(request: SiteRequest, email: str) -> _NotSent | None:
    code_page = request.build_absolute_uri(reverse("accounts:enter-code"))
    try:
        codes.send_code(email, client_ip=request.META.get("REMOTE_ADDR", ""), code_page=code_page)
    except TooOften as exc:
        message = "Too many codes were asked for. Wait a few minutes and try again"
        return _NotSent(message, HTTPStatus.TOO_MANY_REQUESTS, exc.retry_after_s)
    except UnusableEmail:
        message = "We cannot send mail to that address. Use another"
        return _NotSent(message, HTTPStatus.UNPROCESSABLE_ENTITY)
    except MailFailed:
        message = "The mail could not be sent. Try again in a moment"
        return _NotSent(message, HTTPStatus.SERVICE_UNAVAILABLE, MAIL_RETRY_AFTER_S)
    return None


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def enter_code(request: SiteRequest) -> HttpResponse:
    """Ask for the code that was sent; a right one signs in. Reloading the page sends no mail."""
    waiting = request.session.get(_WAITING)
    if waiting is None:
        return _start_over(request)
    if request.method != "POST":
        context = {"form": CodeForm.recall(request.session), "email": waiting["email"]}
        return render(request, "accounts/code.html", context)
    form = CodeForm.sent(request)
    if not form.is_valid():
        return _refused(request, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        member = codes.check_code(waiting["email"], form.cleaned_data["code"])
    except WrongCode:
        form.add_error("code", "That code is wrong or was used already. Check the newest mail from us.")
        return _refused(request, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    except ExpiredCode:
        form.add_error("code", "That code has expired. Send a new one below.")
        return _refused(request, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    except TooManyTries:
        form.add_error("code", "Too many wrong codes. Wait a few minutes, then send a new one.")
        return _refused(request, form, HTTPStatus.TOO_MANY_REQUESTS)
    del request.session[_WAITING]
    form.forget(request.session)
    remember(request.session, member)
    rotate_token(request)
    return JsonResponse({"email": member.email}) if wants_json(request) else see_other(waiting["next"])


def _start_over(request: SiteRequest) -> HttpResponse:
    """Nobody waits for a code in this browser."""
    if wants_json(request):
        return JsonResponse({"error": "Ask for a code first"}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if request.member is not None:
        return redirect("home")
    return see_other(reverse("accounts:sign-in"))


def _refused(
    request: SiteRequest, form: KeptForm, status: HTTPStatus, *, retry_after_s: int | None = None
) -> HttpResponse:
    if wants_json(request):
        return _with_retry_after(JsonResponse({"error": first_error(form)}, status=status), retry_after_s)
    form.keep_with_errors(request.session)
    return see_other(page_it_came_from(request, otherwise=request.path))


def _with_retry_after(response: HttpResponse, seconds: int | None) -> HttpResponse:
    if seconds is not None and response.status_code >= HTTPStatus.BAD_REQUEST:
        response["Retry-After"] = str(seconds)
    return response


@require_POST
def sign_out(request: SiteRequest) -> HttpResponse:
    """Sign out here, and take back the token that the session held."""
    if request.member is not None:
        codes.sign_out(request.member)
        member_signed_out.send(sender=None, member=request.member)
    request.session.flush()
    rotate_token(request)
    return redirect("home")
