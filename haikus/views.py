"""Writing a haiku for a credit, and the shelf of those written."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import trigger_client_event

from accounts.http import member_required
from billing.spending import OutOfCredits, RequestIdReused
from credits_site.answers import (
    SiteRequest,
    error_answer,
    first_error,
    render_page_or_fragment,
    signed_in,
    wants_fragment,
    wants_json,
)
from credits_site.pages import render_home
from credits_site.paging import BadCursor
from haikus import store
from haikus.errors import HaikuGone, NoSuchHaiku, UnwritableTopic
from haikus.forms import WriteHaikuForm
from haikus.store import Haiku, Written


@require_POST
@member_required
def write(request: SiteRequest) -> HttpResponse:
    """Write a haiku on a topic, for a credit."""
    form = WriteHaikuForm(request.POST)
    if not form.is_valid():
        if "request_id" in form.errors:
            form.renew_request_id()
        return _unwritten(request, form)
    try:
        written = store.write_haiku(member=signed_in(request), **form.cleaned_data)
    except OutOfCredits as exc:
        return _out_of_credits(request, form, exc)
    except UnwritableTopic as exc:
        form.add_error("topic", exc.reason)
        return _unwritten(request, form)
    except RequestIdReused:
        form.add_error(None, "This form has written a haiku already. Press the button again for another.")
        form.renew_request_id()
        return _unwritten(request, form)
    except HaikuGone:
        form.add_error(None, "The haiku this form wrote was deleted. Press the button again for another.")
        form.renew_request_id()
        return _unwritten(request, form)
    return _written(request, written)


def _written(request: SiteRequest, written: Written) -> HttpResponse:
    if wants_json(request):
        body = {"haiku": _as_json(written.haiku), "credits": written.credits}
        return JsonResponse(body, status=HTTPStatus.CREATED)
    if not wants_fragment(request):
        messages.success(request, "Your haiku is written.")
        return redirect("home")
    context = {"haiku": written.haiku, "form": WriteHaikuForm.blank()}
    response = render(request, "haikus/_written.html", context)
    patch_vary_headers(response, ["HX-Request", "Accept"])
    return trigger_client_event(response, "credits-changed")


def _unwritten(request: SiteRequest, form: WriteHaikuForm) -> HttpResponse:
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    if wants_json(request):
        return JsonResponse({"error": first_error(form)}, status=status)
    if not wants_fragment(request):
        return render_home(request, write_form=form, status=status)
    return _form_fragment(request, form, status)


def _out_of_credits(request: SiteRequest, form: WriteHaikuForm, exc: OutOfCredits) -> HttpResponse:
    status = HTTPStatus.PAYMENT_REQUIRED
    if wants_json(request):
        body = {"error": "Insufficient credits", "needsCredits": True, "credits": exc.balance}
        return JsonResponse(body, status=status)
    form.add_error(None, "You are out of credits. Buy a pack, then write this one.")
    if not wants_fragment(request):
        return render_home(request, write_form=form, buying=True, status=status)
    # After the swap: the dialog, once closed, gives the focus back to a field that is there.
    response = _form_fragment(request, form, status)
    return trigger_client_event(response, "credits-needed", after="settle")


def _form_fragment(request: SiteRequest, form: WriteHaikuForm, status: HTTPStatus) -> HttpResponse:
    response = render(request, "haikus/_write_form.html", {"form": form}, status=status)
    patch_vary_headers(response, ["HX-Request", "Accept"])
    return response


@require_GET
@member_required
def shelf(request: SiteRequest) -> HttpResponse:
    """The member's haikus, newest first."""
    before = request.GET.get("before") or None
    try:
        page = store.haikus_of(signed_in(request), before=before)
    except BadCursor:
        if wants_json(request):
            return JsonResponse({"error": "There is no such page"}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        return redirect("haikus:shelf")
    if wants_json(request):
        return JsonResponse({"haikus": [_as_json(haiku) for haiku in page.haikus], "next": page.next})
    return render_page_or_fragment(
        request,
        page="haikus/shelf.html",
        fragment="haikus/_shelf.html",
        context={"shelf": page, "older": before is not None},
    )


@require_POST
@member_required
def delete(request: SiteRequest, haiku_id: UUID) -> HttpResponse:
    """Throw a haiku away. The credit it cost stays spent."""
    try:
        store.delete_haiku(signed_in(request), haiku_id)
    except NoSuchHaiku:
        return error_answer(request, HTTPStatus.NOT_FOUND, "You have no such haiku")
    if wants_json(request):
        return JsonResponse({"deleted": True})
    if wants_fragment(request):
        # Not 204, which htmx would not swap: the empty answer takes the card's place.
        return trigger_client_event(HttpResponse(), "haiku-deleted")
    messages.success(request, "The haiku is deleted.")
    return redirect("haikus:shelf")


def _as_json(haiku: Haiku) -> dict[str, str | int]:
    return {
        "id": str(haiku.id),
        "topic": haiku.topic,
        "content": haiku.content,
        "createdAt": haiku.created_at_ms,
    }
