"""Where members say which mails they want, and where a mail's own link leads that says: no more of these."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from accounts.http import SiteRequest, member_required, signed_in
from accounts.mails import wishes
from credits_site.answers import error_answer, see_other, wants_json


@require_POST
@member_required
def choose(request: SiteRequest) -> HttpResponse:
    """Send the member the mails that are ticked, and no others of the optional ones."""
    member = signed_in(request)
    wishes.want(member.id, request.POST.getlist("mail"))
    if wants_json(request):
        return JsonResponse(wishes.wanted_by(member.id))
    messages.success(request, _("Saved."))
    return see_other(reverse("accounts:account"))


# Mail programs send it by themselves, without a cookie (RFC 8058). The token is what allows it.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def unsubscribe(request: SiteRequest, token: str) -> HttpResponse:
    """Ask whether no more of these mails shall come; a POST does it, also of who is signed out."""
    found = wishes.read_token(token)
    if found is None:
        # No redirect to where it came from: a mail program must see that it failed.
        said = _("This link is not whole. Copy all of it from the mail")
        return error_answer(request, HTTPStatus.NOT_FOUND, said)
    member_id, mail = found
    if request.method == "POST":
        wishes.unsubscribe(member_id, mail.name)
        if "List-Unsubscribe" in request.POST or wants_json(request):
            return JsonResponse({mail.name: False})
        return see_other(request.path)
    is_wanted = wishes.wanted_by(member_id)[mail.name]
    return render(request, "accounts/unsubscribe.html", {"mail": mail, "is_wanted": is_wanted})
