"""A member's account: their email, what the site has of them, and leaving."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import codes
from accounts.account.changing_email import change_email
from accounts.account.deleting import delete_account
from accounts.account.personal_data import everything_of
from accounts.browsers import know, place_of
from accounts.code_pages import ask_first, code_refused, refused, send_code
from accounts.codes import CodeRefused, Purpose
from accounts.emails import readable
from accounts.forms import CodeForm, NewEmailForm
from accounts.http import SiteRequest, limited, member_required, signed_in, with_retry_after
from accounts.keys.making import keys_of
from accounts.mails.wishes import optional_mails, wanted_by
from accounts.members import remember
from accounts.sessions import sessions_of
from accounts.signals import member_signed_out
from accounts.views import signed_out
from credits_site.answers import refuse, see_other, wants_json
from credits_site.security_log import note

# In the session, what a code was sent for: `{"place": …, "email": …}`.
_NEW_EMAIL: Final = "new email"
_DELETION: Final = "deletion"

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@member_required
def account(request: SiteRequest) -> HttpResponse:
    """What the member can do about their account."""
    member = signed_in(request)
    wanted = wanted_by(member.id)
    context = {
        "sessions": sessions_of(member.id, here=request.session.session_key),
        "keys": keys_of(member.id),
        "mails": [(mail, wanted[mail.name]) for mail in optional_mails()],
    }
    return render(request, "accounts/account/account.html", context)


@get_or_post
@member_required
def new_email(request: SiteRequest) -> HttpResponse:
    """Ask for a new email; send a code there."""
    if request.method != "POST":
        form = NewEmailForm.recall(request.session)
        return render(request, "accounts/account/new_email.html", {"form": form})
    form = NewEmailForm.sent(request)
    if form.is_valid() and form.cleaned_data["email"] == signed_in(request).email:
        form.add_error("email", _("This is your email already."))
    if not form.is_valid():
        return refused(request, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    email = form.cleaned_data["email"]
    waiting = {"place": codes.new_place(), "email": email}
    if failure := send_code(
        request, email, waiting["place"], page="accounts:confirm-email", purpose=Purpose.CHANGE_EMAIL
    ):
        form.add_error("email", f"{failure.message}.")
        return refused(request, form, failure.status, retry_after_s=failure.retry_after_s)
    form.forget(request.session)
    request.session[_NEW_EMAIL] = waiting
    return (
        JsonResponse({"sent": True}) if wants_json(request) else see_other(reverse("accounts:confirm-email"))
    )


@get_or_post
@member_required
def confirm_email(request: SiteRequest) -> HttpResponse:
    """Ask for the code that went to the new email; a right one changes it."""
    waiting = request.session.get(_NEW_EMAIL)
    if waiting is None:
        return ask_first(request, "accounts:change-email")
    if request.method != "POST":
        return _code_page(
            request,
            email=waiting["email"],
            button=_("Change my email"),
            action="accounts:confirm-email",
            start_over="accounts:change-email",
        )
    form = CodeForm.sent(request)
    if not form.is_valid():
        return refused(request, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        code = codes.matching(form.cleaned_data["code"], place=waiting["place"])
        member = change_email(signed_in(request), code.email)
    except CodeRefused as exc:
        return code_refused(request, form, exc)
    codes.use_up(code)
    member_signed_out.send(sender=None, member=member)
    del request.session[_NEW_EMAIL]
    form.forget(request.session)
    remember(request.session, member, place=place_of(request))
    rotate_token(request)
    note(request, "email changed", member=member.id)
    messages.success(request, _("Your email is changed. Everywhere else you are signed out."))
    response = (
        JsonResponse({"email": member.email})
        if wants_json(request)
        else see_other(reverse("accounts:account"))
    )
    know(request, response, member.email)
    return response


@require_safe
@member_required
@limited("EXPORTS_PER_MEMBER_PER_HOUR")
def export(request: SiteRequest) -> HttpResponse:
    """All that the site has of the member, as a file of JSON."""
    everything = everything_of(signed_in(request), session_key=request.session.session_key)
    return JsonResponse(
        everything,
        json_dumps_params={"indent": 2, "ensure_ascii": False},
        headers={"Content-Disposition": 'attachment; filename="account.json"'},
    )


@get_or_post
@member_required
def deletion(request: SiteRequest) -> HttpResponse:
    """Say what a deletion does; send a code for it to the member's email."""
    if request.method != "POST":
        return render(request, "accounts/account/deletion.html")
    member = signed_in(request)
    place = codes.new_place()
    if failure := send_code(
        request, member.email, place, page="accounts:confirm-deletion", purpose=Purpose.DELETE_ACCOUNT
    ):
        return with_retry_after(refuse(request, failure.status, failure.message), failure.retry_after_s)
    request.session[_DELETION] = {"place": place}
    page = reverse("accounts:confirm-deletion")
    return JsonResponse({"sent": True}) if wants_json(request) else see_other(page)


@get_or_post
@member_required
def confirm_deletion(request: SiteRequest) -> HttpResponse:
    """Ask for the code; a right one deletes the account."""
    waiting, member = request.session.get(_DELETION), signed_in(request)
    if waiting is None:
        return ask_first(request, "accounts:delete")
    if request.method != "POST":
        return _code_page(
            request,
            email=member.email,
            button=_("Delete my account"),
            action="accounts:confirm-deletion",
            start_over="accounts:delete",
        )
    form = CodeForm.sent(request)
    if not form.is_valid():
        return refused(request, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        codes.matching(form.cleaned_data["code"], place=waiting["place"])
    except CodeRefused as exc:
        return code_refused(request, form, exc)
    delete_account(member.id, email=member.email)
    member_signed_out.send(sender=None, member=member)
    note(request, "account deleted", member=member.id)
    response = signed_out(request)
    messages.success(request, _("Your account is deleted."))
    return JsonResponse({"deleted": True}) if wants_json(request) else response


def _code_page(request: SiteRequest, *, email: str, **context: Any) -> HttpResponse:
    form = CodeForm.recall(request.session, initial={"code": request.GET.get("code", "")})
    return render(request, "accounts/account/code.html", context | {"form": form, "email": readable(email)})
