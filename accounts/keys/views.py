"""The page of a member's keys for programs."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.code_pages import refused
from accounts.forms import KeyForm
from accounts.http import SiteRequest, member_required, signed_in
from accounts.keys.making import Scope, TooManyKeys, key_as_json, keys_of, make_key, revoke
from accounts.safe import locked, unlocked
from credits_site.answers import refuse, see_other, wants_json
from credits_site.security_log import note

# In the session, the key that was just made, until the next page has shown it.
_MADE: Final = "new key"


@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def keys(request: SiteRequest) -> HttpResponse:
    """The member's keys, and the form for another; a POST makes it."""
    if request.method == "POST":
        return _make(request)
    found = keys_of(signed_in(request).id)
    if wants_json(request):
        return JsonResponse({"keys": [key_as_json(key) for key in found]})
    made = request.session.pop(_MADE, "") if request.method == "GET" else ""
    form = KeyForm.recall(request.session, initial={"scope": Scope.SPEND})
    return render(
        request, "accounts/keys/keys.html", {"keys": found, "form": form, "token": made and unlocked(made)}
    )


def _make(request: SiteRequest) -> HttpResponse:
    form = KeyForm.sent(request)
    if not form.is_valid():
        return refused(request, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        key, token = make_key(signed_in(request).id, **form.cleaned_data)
    except TooManyKeys:
        form.add_error(None, _("You have as many keys as you may have. Revoke one that is not in use."))
        return refused(request, form, HTTPStatus.CONFLICT)
    form.forget(request.session)
    note(request, "key made", key=key.pk, scope=key.scope)
    if wants_json(request):
        return JsonResponse({"key": key_as_json(key), "token": token}, status=HTTPStatus.CREATED)
    request.session[_MADE] = locked(token)
    return see_other(reverse("accounts:keys"))


@require_POST
@member_required
def revoke_key(request: SiteRequest, key_id: UUID) -> HttpResponse:
    """End a key: programs that have it are refused from now on."""
    if not revoke(signed_in(request).id, key_id):
        return refuse(request, HTTPStatus.NOT_FOUND, _("You have no such key"))
    note(request, "key revoked", key=key_id)
    if wants_json(request):
        return JsonResponse({"revoked": True})
    messages.success(request, _("The key is revoked."))
    return see_other(reverse("accounts:keys"))
