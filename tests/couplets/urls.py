"""The page of couplets, and the site around it."""

from http import HTTPStatus
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path

from accounts.http import member_required, signed_in
from billing.spending import OutOfCredits
from credits_site.answers import refuse, see_other
from instant_admin.configured import instant
from tests.couplets.store import write_couplet


@member_required
def couplets(request: HttpRequest) -> HttpResponse:
    """A member's couplets, read with their own rights; a POST writes one more."""
    member = signed_in(request)
    if request.method != "POST":
        tree = instant().as_member(member.refresh_token).query({"couplets": {}})
        return render(request, "couplets/page.html", tree)
    try:
        write_couplet(member, request.POST["theme"], UUID(request.POST["request_id"]))
    except OutOfCredits as exc:
        words = f"A couplet costs {exc.needed} credits, and you have {exc.balance}"
        return refuse(request, HTTPStatus.PAYMENT_REQUIRED, words)
    return see_other("/couplets/")


urlpatterns = [path("couplets/", couplets), path("", include("credits_site.urls"))]
