"""Signing in with a code sent by mail, and signing out. Full pages: the session and CSRF token change here."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import codes
from accounts.browsers import know, place_of
from accounts.code_pages import ask_first, code_refused, refused, send_code
from accounts.codes import CodeRefused
from accounts.emails import readable
from accounts.forms import CodeForm, EmailForm
from accounts.http import SiteRequest, member_required, sign_in_page, signed_in, with_retry_after
from accounts.members import Member, remember
from accounts.sessions import sessions_of
from accounts.signals import member_signed_in, member_signed_out
from credits_site.answers import own_address, refuse, see_other, wants_json
from credits_site.security_log import note

_CODE_PAGE: Final = "accounts:enter-code"
# What a code was sent for, and where its owner wants to be: `{"place": …, "email": …, "next": …}`.
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
        return refused(request, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    email = form.cleaned_data["email"]
    place = request.session.get(_WAITING, {}).get("place") or codes.new_place()
    if failure := send_code(request, email, place, page=_CODE_PAGE):
        form.add_error("email", f"{failure.message}.")
        return refused(request, form, failure.status, retry_after_s=failure.retry_after_s)
    form.forget(request.session)
    back_to = own_address(request, form.cleaned_data["next"]) or "/"
    request.session[_WAITING] = {"place": place, "email": email, "next": back_to}
    return JsonResponse({"sent": True}) if wants_json(request) else see_other(reverse("accounts:enter-code"))


@require_POST
def resend_code(request: SiteRequest) -> HttpResponse:
    """Send a new code to the email that waits for one."""
    waiting = request.session.get(_WAITING)
    if waiting is None:
        return ask_first(request, "accounts:sign-in" if request.member is None else "home")
    if failure := send_code(request, waiting["email"], waiting["place"], page=_CODE_PAGE):
        return with_retry_after(refuse(request, failure.status, failure.message), failure.retry_after_s)
    if wants_json(request):
        return JsonResponse({"sent": True})
    messages.success(request, _("A new code is on its way."))
    return see_other(reverse("accounts:enter-code"))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def enter_code(request: SiteRequest) -> HttpResponse:
    """Ask for the code that was sent; a right one signs in. Reloading the page sends no mail.

    The link in the mail leads here with its code: it is filled in, and used only when somebody presses the button,
    since programs that look through mail follow links.
    """
    waiting = request.session.get(_WAITING)
    if waiting is None:
        return ask_first(request, "accounts:sign-in" if request.member is None else "home")
    if request.method != "POST":
        form = CodeForm.recall(request.session, initial={"code": request.GET.get("code", "")})
        context = {
            "form": form,
            "email": readable(waiting["email"]),
            "start_over": sign_in_page(waiting["next"]),
        }
        return render(request, "accounts/code.html", context)
    form = CodeForm.sent(request)
    if not form.is_valid():
        return refused(request, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        member = codes.check_code(form.cleaned_data["code"], place=waiting["place"])
    except CodeRefused as exc:
        return code_refused(request, form, exc)
    return _signed_in(request, form, member, back_to=waiting["next"])


def _signed_in(request: SiteRequest, form: CodeForm, member: Member, *, back_to: str) -> HttpResponse:
    _end_sign_in(request)
    del request.session[_WAITING]
    form.forget(request.session)
    remember(request.session, member, place=place_of(request))
    rotate_token(request)
    note(request, "signed in", member=member.id)
    member_signed_in.send(sender=None, request=request, member=member)
    response = JsonResponse({"email": member.email}) if wants_json(request) else see_other(back_to)
    know(request, response, member.email)
    return response


def _end_sign_in(request: SiteRequest) -> None:
    """Take back the token that the session holds, if it does."""
    if request.member is not None:
        codes.sign_out(request.member)
        member_signed_out.send(sender=None, member=request.member)


@require_POST
def sign_out(request: SiteRequest) -> HttpResponse:
    """Sign out here, and take back the token that the session held."""
    _end_sign_in(request)
    return signed_out(request)


@require_safe
@member_required
def sessions(request: SiteRequest) -> HttpResponse:
    """Where the member is signed in."""
    found = sessions_of(signed_in(request).id, here=request.session.session_key)
    return render(request, "accounts/sessions.html", {"sessions": found})


@require_POST
@member_required
def sign_out_everywhere(request: SiteRequest) -> HttpResponse:
    """End every session of the member, this one too, and take back all their tokens."""
    member = signed_in(request)
    _end_sign_in(request)
    codes.sign_out_everywhere(member.id)
    note(request, "signed out everywhere")
    return signed_out(request)


def signed_out(request: SiteRequest) -> HttpResponse:
    """Leave the browser to whoever uses it next."""
    request.session.flush()
    rotate_token(request)
    response = redirect("home")
    response["Clear-Site-Data"] = (
        '"cache", "storage"'  # whoever uses the browser next finds no page of theirs
    )
    return response
