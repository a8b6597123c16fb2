"""The home page, writing a haiku for a credit, and the list of those written."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from accounts.forms import EmailForm
from accounts.http import SiteRequest, limited, member_required, signed_in
from accounts.keys.making import Scope
from accounts.keys.programs import for_programs
from billing import spending
from billing.buying import buying, offers_if_readable
from billing.counter.fragment import counter
from billing.packs import enough_text
from billing.products import credits_text
from billing.spending import OutOfCredits, RequestIdReused
from credits_site.answers import (
    first_error,
    page_it_came_from,
    problem,
    refuse,
    render_fragment,
    render_page_or_fragment,
    see_other,
    wants_fragment,
    wants_json,
)
from credits_site.paging import BadCursor
from haikus import store
from haikus.errors import HaikuGone, NoSuchHaiku, TooLate, UnwritableTopic
from haikus.forms import WriteHaikuForm
from haikus.store import Haiku, Written
from haikus.undo import UNDO_S, opened, sealed
from haikus.writing import UNWRITABLE

# Who waits for a haiku that takes time keeps a thread.
LONGEST_WAIT_S: Final = 20.0
# The haiku that a plain form has just deleted, as `haikus/undo.py` seals it, for the next page.
_DELETED: Final = "deleted haiku"


@never_cache
@require_safe
def home(request: SiteRequest) -> HttpResponse:
    """The landing page, or for a member: credits, the form, the haikus."""
    draft = WriteHaikuForm.on_page(request)
    context: dict[str, Any] = {"form": draft, "cost": _cost()}
    if request.member is None:
        context |= {
            "email_form": EmailForm.recall(request.session, initial={"next": request.get_full_path()}),
            "offers": offers_if_readable(),
            "welcome": credits_text(settings.WELCOME_CREDITS) if settings.WELCOME_CREDITS else "",
        }
        return render(request, "haikus/landing.html", context)
    account, page = store.home_of(request.member)
    context |= (
        counter(account.credits, account.held) | buying(request) | {"page": page} | _just_deleted(request)
    )
    return render(request, "haikus/home.html", context)


@for_programs(Scope.SPEND)
@require_POST
def write(request: SiteRequest) -> HttpResponse:
    """Write a haiku on a topic, for a credit. Whoever is signed out finds the topic again when they are back."""
    form = WriteHaikuForm.sent(request)
    if request.member is None and not wants_json(request) and form.is_valid():
        messages.info(request, _("Your topic is kept: sign in to have it written."))
    return _write(request, form)


@member_required
@limited("WRITES_PER_MEMBER_PER_MINUTE")
def _write(request: SiteRequest, form: WriteHaikuForm) -> HttpResponse:
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
    except RequestIdReused:
        form.add_error(None, _("This form has written a haiku already. Press the button again for another."))
        form.renew_request_id()
    except HaikuGone:
        form.add_error(None, _("The haiku this form wrote was deleted. Press the button again for another."))
        form.renew_request_id()
    else:
        return _written(request, written)
    return _unwritten(request, form)


def _written(request: SiteRequest, written: Written) -> HttpResponse:
    WriteHaikuForm.forget(request.session)
    written = store.await_haiku(signed_in(request), written, longest_s=_patience_s(request))
    if wants_json(request):
        return _written_as_json(request, written)
    if not wants_fragment(request):
        if written.haiku.is_done:
            messages.success(request, _("Your haiku is written."))
        return see_other(reverse("home"))
    form = WriteHaikuForm(initial=WriteHaikuForm.fresh())
    context = {"haiku": written.haiku, "form": form, "cost": _cost()}
    status = HTTPStatus.OK if written.haiku.is_done else HTTPStatus.ACCEPTED
    response = render_fragment(request, "haikus/_written.html", context=context, status=status)
    trigger_client_event(response, "haiku-written", {"id": str(written.haiku.id)}, after="settle")
    return trigger_client_event(response, "credits-changed")


def _patience_s(request: SiteRequest) -> float:
    """How long the caller waits for what takes time: `Prefer: wait=N`, RFC 7240. Nobody waits otherwise."""
    wait = re.search(r"\bwait=([0-9]{1,4})\b", request.headers.get("Prefer", ""))
    return min(float(wait[1]), LONGEST_WAIT_S) if wait else 0.0


def _written_as_json(request: SiteRequest, written: Written) -> HttpResponse:
    haiku = written.haiku
    body: dict[str, Any] = {"haiku": _as_json(haiku), "credits": written.credits}
    if haiku.is_done:
        return JsonResponse(body, status=HTTPStatus.CREATED)
    body["held"] = written.held
    if haiku.is_being_written:
        location = reverse("haikus:haiku", args=[haiku.id])
        return JsonResponse(body, status=HTTPStatus.ACCEPTED, headers={"Location": location})
    is_topic = haiku.error == UNWRITABLE
    status = HTTPStatus.UNPROCESSABLE_ENTITY if is_topic else HTTPStatus.SERVICE_UNAVAILABLE
    return problem(request, status, haiku.failure, **body)


def _cost() -> str:
    credits, is_most = store.cost()
    return _("up to %(credits)s") % {"credits": credits_text(credits)} if is_most else credits_text(credits)


def _unwritten(request: SiteRequest, form: WriteHaikuForm) -> HttpResponse:
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    if wants_json(request):
        return problem(request, status, first_error(form))
    return _form_again(request, form, status, shown_on=page_it_came_from(request))


def _out_of_credits(request: SiteRequest, form: WriteHaikuForm, exc: OutOfCredits) -> HttpResponse:
    status = HTTPStatus.PAYMENT_REQUIRED
    if wants_json(request):
        said = _("Insufficient credits")
        return problem(
            request, status, said, kind="insufficient-credits", needsCredits=True, credits=exc.balance
        )
    out = _("You are out of credits: a haiku costs %(costs)s, and you have %(has)s.") % {
        "costs": credits_text(exc.needed),
        "has": credits_text(exc.balance),
    }
    why = f"{out} {enough_text(exc.needed - exc.balance)}"
    form.add_error(None, why)
    response = _form_again(request, form, status, shown_on=f"{reverse('home')}#buy")
    # After the swap: the dialog, once closed, gives the focus back to a field that is there.
    return trigger_client_event(response, "credits-needed", {"why": why}, after="settle")


def _form_again(
    request: SiteRequest, form: WriteHaikuForm, status: HTTPStatus, *, shown_on: str
) -> HttpResponse:
    """The form with what is wrong: as a fragment now, or on the page to which a plain form is sent back."""
    if not wants_fragment(request):
        form.keep_with_errors(request.session)
        return see_other(shown_on)
    form.keep(request.session)
    return render_fragment(request, "haikus/_write_form.html", context={"form": form}, status=status)


@for_programs(Scope.READ)
@require_safe
@member_required
def list_haikus(request: SiteRequest) -> HttpResponse:
    """The member's haikus, newest first."""
    before = request.GET.get("before") or None
    try:
        page = store.haikus_of(signed_in(request), before=before)
    except BadCursor:
        if wants_json(request):
            return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, _("There is no such page"))
        return redirect("haikus:list")
    if wants_json(request):
        return JsonResponse({"haikus": [_as_json(haiku) for haiku in page.haikus], "next": page.next})
    context: dict[str, Any] = {"page": page, "older": before is not None}
    if not wants_fragment(request):
        context |= _just_deleted(request)
    return render_page_or_fragment(
        request, page="haikus/list.html", fragment="haikus/_list.html", context=context
    )


@for_programs(Scope.READ)
@require_safe
@member_required
def haiku(request: SiteRequest, haiku_id: UUID) -> HttpResponse:
    """One of the member's haikus, on a page that nobody else can see; to htmx its card as it is now."""
    try:
        found = store.haiku_of(signed_in(request), haiku_id)
    except NoSuchHaiku:
        return refuse(request, HTTPStatus.NOT_FOUND, _("You have no such haiku"))
    if wants_json(request):
        return JsonResponse(_as_json(found))
    return (
        _card(request, found)
        if wants_fragment(request)
        else render(request, "haikus/haiku.html", {"haiku": found})
    )


@for_programs(Scope.SPEND)
@require_POST
@member_required
def cancel(request: SiteRequest, haiku_id: UUID) -> HttpResponse:
    """Have no more of a haiku written. All of its credits come back, unless it was done just before."""
    member = signed_in(request)
    try:
        spending.cancel(member, haiku_id)
        found = store.haiku_of(member, haiku_id)
    except NoSuchHaiku:
        return refuse(request, HTTPStatus.NOT_FOUND, _("You have no such haiku"))
    if wants_json(request):
        return JsonResponse(_as_json(found))
    if not wants_fragment(request):
        return see_other(page_it_came_from(request, otherwise=reverse("haikus:list")))
    return trigger_client_event(_card(request, found), "credits-changed")


def _card(request: SiteRequest, found: Haiku) -> HttpResponse:
    response = render_fragment(request, "haikus/_card_now.html", context={"haiku": found})
    return response if found.is_being_written else trigger_client_event(response, "credits-changed")


@require_POST
@member_required
def delete(request: SiteRequest, haiku_id: UUID) -> HttpResponse:
    """Throw a haiku away. The credit it cost stays spent; for some seconds it can be had back."""
    member = signed_in(request)
    try:
        deleted = store.delete_haiku(member, haiku_id)
    except NoSuchHaiku:
        return refuse(request, HTTPStatus.NOT_FOUND, _("You have no such haiku"))
    # What was never paid for stays deleted: nobody may have it back as if it were.
    token = sealed(member, deleted) if deleted.is_done else ""
    if wants_json(request):
        return JsonResponse({"deleted": True, "undo": token})
    if wants_fragment(request):
        context = {"deleted": deleted, "token": token, "undo_s": UNDO_S}
        response = render_fragment(request, "haikus/_deleted.html", context=context)
        return trigger_client_event(response, "haiku-deleted", {"id": str(haiku_id)}, after="settle")
    request.session[_DELETED] = token
    messages.success(request, _("The haiku is deleted."))
    page = page_it_came_from(request, otherwise=reverse("haikus:list"))
    return see_other(reverse("haikus:list") if page == reverse("haikus:haiku", args=[haiku_id]) else page)


@require_POST
@member_required
def undo(request: SiteRequest) -> HttpResponse:
    """Bring back a haiku that was deleted a few seconds ago."""
    member = signed_in(request)
    try:
        restored = opened(member, request.POST.get("token", ""))
    except TooLate:
        said = _("A haiku can be brought back for %(seconds)s seconds only. This one is gone")
        return refuse(request, HTTPStatus.GONE, said % {"seconds": UNDO_S})
    store.restore_haiku(member, restored)
    if wants_json(request):
        return JsonResponse({"haiku": _as_json(restored)})
    if wants_fragment(request):
        response = render_fragment(request, "haikus/_card.html", context={"haiku": restored})
        return trigger_client_event(response, "haiku-restored", {"id": str(restored.id)}, after="settle")
    messages.success(request, _("The haiku is back."))
    return see_other(page_it_came_from(request, otherwise=reverse("haikus:list")))


def _just_deleted(request: SiteRequest) -> dict[str, Any]:
    """What `haikus/_deleted.html` shows on the page after a plain form deleted a haiku."""
    try:
        token = request.session.pop(_DELETED, "")
        return {"deleted": opened(signed_in(request), token), "token": token, "undo_s": UNDO_S}
    except TooLate:
        return {}


def _as_json(haiku: Haiku) -> dict[str, str | int]:
    shown: dict[str, str | int] = {
        "id": str(haiku.id),
        "topic": haiku.topic,
        "content": haiku.content or haiku.draft,
        "createdAt": haiku.created_at_ms,
        "state": haiku.state,
    }
    return shown | {"error": haiku.failure} if haiku.failure else shown
