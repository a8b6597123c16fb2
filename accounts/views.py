"""Signing in with a code sent by mail, and signing out. Full pages: the session and CSRF token change here."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_POST

from accounts import codes as verbs
from accounts.codes import ExpiredCode, MailFailed, TooManyCodes, TooManyTries, WrongCode
from accounts.forms import CodeForm, EmailForm
from accounts.members import remember
from billing.counter.hub import hub
from credits_site.answers import SiteRequest
from credits_site.pages import render_landing

MAIL_RETRY_AFTER_S = 30


@require_POST
def sign_in(request: SiteRequest) -> HttpResponse:
    """Send a code to an address and ask for it."""
    form = EmailForm(request.POST)
    if not form.is_valid():
        return render_landing(request, email_form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    email = form.cleaned_data["email"]
    try:
        verbs.send_code(email, client_ip=request.META.get("REMOTE_ADDR", ""))
    except TooManyCodes as exc:
        form.add_error("email", "Too many codes were asked for. Wait a few minutes and try again.")
        response = render_landing(request, email_form=form, status=HTTPStatus.TOO_MANY_REQUESTS)
        response["Retry-After"] = str(exc.retry_after_s)
        return response
    except MailFailed:
        form.add_error("email", "The mail could not be sent. Try again in a moment.")
        response = render_landing(request, email_form=form, status=HTTPStatus.SERVICE_UNAVAILABLE)
        response["Retry-After"] = str(MAIL_RETRY_AFTER_S)
        return response
    return _ask_for_code(request, CodeForm(initial={"email": email}), email=email)


@require_POST
def enter_code(request: SiteRequest) -> HttpResponse:
    """Check the code; a right one signs in."""
    form = CodeForm(request.POST)
    if not form.is_valid():
        if "email" in form.errors:
            email_form = EmailForm(request.POST)
            return render_landing(request, email_form=email_form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        return _ask_for_code(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        member = verbs.check_code(form.cleaned_data["email"], form.cleaned_data["code"])
    except WrongCode:
        form.add_error("code", "That code is wrong or was used already. Check the newest mail from us.")
        return _ask_for_code(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except ExpiredCode:
        form.add_error("code", "That code has expired. Send a new one below.")
        return _ask_for_code(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except TooManyTries:
        form.add_error("code", "Too many wrong codes. Wait a few minutes, then send a new one.")
        return _ask_for_code(request, form, status=HTTPStatus.TOO_MANY_REQUESTS)
    remember(request.session, member)
    rotate_token(request)
    return redirect("home")


def _ask_for_code(
    request: SiteRequest, form: CodeForm, *, email: str | None = None, status: int = HTTPStatus.OK
) -> HttpResponse:
    context = {"form": form, "email": email or form.cleaned_data["email"]}
    response = render(request, "accounts/code.html", context, status=status)
    add_never_cache_headers(response)
    return response


@require_POST
def sign_out(request: SiteRequest) -> HttpResponse:
    """Sign out here, and take back the token that the session held."""
    if request.member is not None:
        verbs.sign_out(request.member)
        hub().sign_out(request.member)
    request.session.flush()
    rotate_token(request)
    return redirect("home")
