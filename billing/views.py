"""The balance, buying credits, and the history of both."""

from __future__ import annotations

import logging
import time
from http import HTTPStatus
from itertools import chain
from typing import Final
from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh, replace_url, trigger_client_event

from accounts import limits
from accounts.http import SiteRequest, limited, member_required, signed_in
from accounts.keys.making import Scope
from accounts.keys.programs import for_programs
from accounts.limits import TooOften
from accounts.members import Member
from billing import last_checkout, mails
from billing.attention import note_review, selling_noted, webhook_noted
from billing.buying import unconfirmed_text
from billing.checkout import start_checkout
from billing.counter.fragment import counter
from billing.errors import (
    BadWebhook,
    OrderTooLarge,
    PackNotForSale,
    StripeError,
    UnknownCheckout,
    UnknownPack,
)
from billing.forms import CheckoutForm, HistoryForm, Returned, SyncForm
from billing.fulfilment import Outcome, Settlement, sync_checkout
from billing.history import HistoryEntry, HistoryPage, account_of, balance_chart, entries_of, history_of
from billing.history_csv import csv_lines
from billing.own_data import entry_as_json
from billing.packs import pack_of
from billing.products import credits_text
from billing.purchases import (
    PurchaseRecord,
    Purchases,
    credited_purchases,
    receipt_of,
    with_what_stripe_has,
)
from billing.webhook import receive_webhook
from credits_site.answers import (
    absolute,
    download,
    first_error,
    problem,
    refuse,
    render_fragment,
    render_page_or_fragment,
    see_other,
    wants_fragment,
    wants_json,
)
from credits_site.metrics import FULFILMENTS
from credits_site.outages import OUTAGES
from credits_site.paging import BadCursor
from credits_site.security_log import complain

logger = logging.getLogger(__name__)

STRIPE_CALLS: Final = "STRIPE_CALLS_PER_MEMBER_PER_HOUR"
EXPORTS: Final = "EXPORTS_PER_MEMBER_PER_HOUR"

# How long the page that somebody comes back to waits before each further question: two minutes in all.
SYNC_DELAYS_S: Final = (1, 2, 3, 5, 8, 13, 20, 30, 30)


@for_programs(Scope.READ)
@never_cache
@require_safe
def credits(request: SiteRequest) -> HttpResponse:
    """The counter. It has no page of its own.

    htmx asks for it whenever the page is looked at. Signed out meanwhile, the page stays: somebody may be typing.
    """
    if request.member is None and wants_fragment(request):
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    return _credits(request)


@member_required
def _credits(request: SiteRequest) -> HttpResponse:
    if not wants_json(request) and not wants_fragment(request):
        return redirect("home")
    account = account_of(signed_in(request))
    if wants_json(request):
        return JsonResponse({"credits": account.credits, "held": account.held})
    return render_fragment(request, "billing/_credits.html", context=counter(account.credits, account.held))


@require_POST
@member_required
@limited(STRIPE_CALLS)
def checkout(request: SiteRequest) -> HttpResponse:
    """Start a checkout and go to Stripe's page for it."""
    form = CheckoutForm.sent(request)
    if not form.is_valid():
        return _not_for_sale(request, form)
    try:
        pack = pack_of(form.cleaned_data["pack"] or None)
    except UnknownPack:
        form.add_error("pack", _("Choose one of the packs."))
        return _not_for_sale(request, form)
    home = absolute(request, reverse("home"))
    try:
        with selling_noted():
            started = start_checkout(
                member=signed_in(request),
                pack=pack,
                quantity=form.cleaned_data["quantity"],
                request_id=form.cleaned_data["request_id"],
                # Stripe replaces the braces, so they must not be percent-encoded.
                success_url=f"{home}?session_id={{CHECKOUT_SESSION_ID}}",
                cancel_url=f"{home}?checkout=cancelled",
            )
    except PackNotForSale:
        form.add_error("pack", _("This pack is no longer for sale, and nothing was charged. Choose another."))
        return _not_for_sale(request, form)
    except OrderTooLarge:
        form.add_error(
            "quantity", _("This is more than Stripe takes at once, and nothing was charged. Choose fewer.")
        )
        return _not_for_sale(request, form)
    form.forget(request.session)
    last_checkout.keep(request.session, started.id)
    return JsonResponse({"url": started.url}) if wants_json(request) else see_other(started.url)


def _not_for_sale(request: SiteRequest, form: CheckoutForm) -> HttpResponse:
    if wants_json(request):
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, first_error(form))
    if wants_fragment(request):
        return refuse(request, HTTPStatus.UNPROCESSABLE_ENTITY, first_error(form).rstrip("."))
    form.keep_with_errors(request.session)
    return see_other(f"{reverse('home')}#buy")


@require_POST
@member_required
def sync(request: SiteRequest) -> HttpResponse:
    """Ask Stripe what became of a checkout, and credit it if it is paid."""
    form = SyncForm(request.POST)
    is_unasked = form.is_valid() and _is_unasked(form)
    return _sync_unasked(request, form) if is_unasked else _sync(request, form)


def _sync_unasked(request: SiteRequest, form: SyncForm) -> HttpResponse:
    """The same for a page that asks by itself: of no news, and of what goes wrong, nobody hears."""
    now_s = time.time()
    if last_checkout.due(request.session, now_s=now_s) != form.cleaned_data["session_id"]:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    last_checkout.asked(request.session, now_s=now_s)
    try:
        return _sync(request, form)
    except (TooOften, *OUTAGES) as exc:
        logger.warning("The last checkout cannot be read: %s", type(exc).__name__)
        return HttpResponse(status=HTTPStatus.NO_CONTENT)


@limited(STRIPE_CALLS)
def _sync(request: SiteRequest, form: SyncForm) -> HttpResponse:
    if not form.is_valid():
        return refuse(request, HTTPStatus.UNPROCESSABLE_ENTITY, first_error(form).rstrip("."))
    checkout_id = form.cleaned_data["session_id"]
    try:
        settlement = sync_checkout(checkout_id, member=signed_in(request))
    except UnknownCheckout:
        last_checkout.forget(request.session, checkout_id)
        if _is_unasked(form):
            return HttpResponse(status=HTTPStatus.NO_CONTENT)
        return refuse(request, HTTPStatus.NOT_FOUND, _("You have no such checkout"))
    FULFILMENTS.labels("sync", settlement.outcome).inc()
    if settlement.outcome is not Outcome.PENDING:
        last_checkout.forget(request.session, checkout_id)
    elif not settlement.open:
        last_checkout.note_pending(request.session, checkout_id)
    return _settled(request, form, settlement)


def _settled(request: SiteRequest, form: SyncForm, settlement: Settlement) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"status": settlement.outcome, "credits": settlement.credits})
    if _is_unasked(form) and settlement.open:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    if wants_fragment(request):
        return _sync_fragment(request, form, settlement)
    level = messages.SUCCESS if _is_credited(settlement) else messages.INFO
    messages.add_message(request, level, _sync_message(form, settlement, asks_again=False))
    if _is_undecided(settlement):
        return see_other(f"{reverse('home')}?{urlencode({'session_id': settlement.checkout_id})}")
    return see_other(reverse("home"))


def _sync_fragment(request: SiteRequest, form: SyncForm, settlement: Settlement) -> HttpResponse:
    attempt: int = form.cleaned_data["attempt"]
    shown = urlsplit(request.htmx.current_url or "").path
    if shown == reverse("billing:history") and _is_credited(settlement):
        # All of that page is about it.
        messages.success(request, _sync_message(form, settlement, asks_again=False))
        return HttpResponseClientRefresh()
    asks_again = attempt < len(SYNC_DELAYS_S) and not _is_unasked(form)
    context = {
        "message": _sync_message(form, settlement, asks_again=asks_again),
        "credited": _is_credited(settlement),
        "undecided": _is_undecided(settlement),
        "delay_s": SYNC_DELAYS_S[attempt] if asks_again else None,
        "attempt": attempt + 1,
        "checkout_id": form.cleaned_data["session_id"],
    }
    response = render_fragment(request, "billing/_sync.html", context=context)
    if shown == reverse("home") and not _is_undecided(settlement):
        # So that a reload does not ask, and say, the same again.
        replace_url(response, shown)
    if _is_credited(settlement):
        trigger_client_event(response, "credits-changed")
    return response


def _is_unasked(form: SyncForm) -> bool:
    """Whether nobody has just come back from Stripe, and the page asks all the same."""
    return bool(form.cleaned_data["returned"] == Returned.UNASKED)


def _is_credited(settlement: Settlement) -> bool:
    return settlement.outcome in (Outcome.CREDITED, Outcome.ALREADY_CREDITED)


def _is_undecided(settlement: Settlement) -> bool:
    """Whether it is worth asking again: the buyer is done and Stripe is not."""
    return settlement.outcome is Outcome.PENDING and not settlement.open


def _sync_message(form: SyncForm, settlement: Settlement, *, asks_again: bool) -> str:
    """What became of a checkout, in a sentence that is true. With `asks_again`, the page does so by itself."""
    match settlement.outcome:
        case Outcome.CREDITED:
            return _("Thank you. Added to your balance: %(credits)s.") % {
                "credits": credits_text(settlement.added)
            }
        case Outcome.ALREADY_CREDITED:
            return _("Thank you. Already added to your balance: %(credits)s.") % {
                "credits": credits_text(settlement.added)
            }
        case Outcome.NEEDS_REVIEW:
            return _(
                "Stripe has confirmed your purchase. We have to look at it before we add its credits. "
                "You need not do anything, and need not pay again."
            )
        case Outcome.EXPIRED:
            return _("This checkout expired before it was paid. Nothing was charged.")
        case Outcome.FAILED:
            return _(
                "The payment failed at your bank, and nothing was charged. Buy again, and pay in another way."
            )
        case Outcome.PENDING:
            return _pending_message(form, settlement, asks_again=asks_again)


def _pending_message(form: SyncForm, settlement: Settlement, *, asks_again: bool) -> str:
    if settlement.open and form.cleaned_data["returned"] == Returned.CANCELLED:
        return _("Checkout cancelled. Nothing was charged.")
    if settlement.open:
        return _("This checkout is not finished yet. Nothing was charged so far.")
    return unconfirmed_text(asks_again=asks_again)


@csrf_exempt  # Stripe has no token of ours; its signature is the proof.
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """Where Stripe tells what happened. An outage is answered with 503, so that Stripe tells it again."""
    try:
        with webhook_noted():
            looked = receive_webhook(request.body, request.headers.get("Stripe-Signature"))
    except BadWebhook as exc:
        complain(request, "webhook refused", reason=repr(exc.reason))
        return problem(request, HTTPStatus.BAD_REQUEST, exc.reason)
    if looked is not None:
        checkout = looked.checkout
        note_review(
            checkout.id,
            looked.problem,
            member_id=checkout.member_id,
            payment_id=checkout.payment_intent_id or "",
        )
        if looked.kept is not None:
            mails.send(mails.DISPUTE_LOST, looked.kept)
    return JsonResponse({"received": True})


@for_programs(Scope.READ)
@require_safe
@member_required
def history(request: SiteRequest) -> HttpResponse:
    """The member's ledger or a part of it, newest first, and on the whole page what became of their purchases."""
    member = signed_in(request)
    form = HistoryForm(request.GET)
    before = request.GET.get("before") or None
    if not form.is_valid():
        return _no_such_page(request)
    try:
        page = history_of(member, before=before, wanted=form.wanted)
    except BadCursor:
        return _no_such_page(request)
    if wants_json(request):
        return JsonResponse({"entries": [entry_as_json(entry) for entry in page.entries], "next": page.next})
    asked = {name: request.GET[name] for name in form.fields if request.GET.get(name)}
    context = {"page": page, "form": form, "before": before, "asked": urlencode(asked)}
    is_whole = not wants_fragment(request)
    purchases = _purchases(member, page.customer_id) if is_whole or not before else None
    context["lines"] = _lines(page, None if before else purchases)
    if is_whole and purchases:
        context |= counter(page.credits, page.held) | {
            "chart": balance_chart(member, page),
            "purchases": purchases,
            "checkout_id": purchases.not_yet_added,
        }
    return render_page_or_fragment(
        request, page="billing/history.html", fragment="billing/_entries.html", context=context
    )


def _no_such_page(request: SiteRequest) -> HttpResponse:
    if wants_json(request):
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, _("There is no such page"))
    return redirect("billing:history")


def _lines(
    page: HistoryPage, purchases: Purchases | None
) -> list[tuple[HistoryEntry, PurchaseRecord | None]]:
    """Each entry with the purchase that it is of. Pages of older ones do without, and ask Stripe nothing."""
    told = {each.checkout_id: each for each in purchases.records} if purchases else {}
    return [(entry, told.get(entry.ref)) for entry in page.entries]


@require_safe
@member_required
@limited(EXPORTS)
def history_csv(request: SiteRequest) -> HttpResponse:
    """The member's whole ledger as CSV."""
    lines = csv_lines(entries_of(signed_in(request)))
    # The first page is read before anything is sent, so that an outage is answered as one.
    begun = chain([next(lines), next(lines, "")], lines)
    return download("credits.csv", begun, content_type="text/csv")


def _purchases(member: Member, customer_id: str | None) -> Purchases:
    """Those of the ledger alone while Stripe cannot say more, or was asked too often."""
    bought = credited_purchases(member.at_instant, member.id)
    try:
        limits.count(STRIPE_CALLS, of=member.id)
        return with_what_stripe_has(bought, member_id=member.id, customer_id=customer_id)
    except (StripeError, TooOften) as exc:
        logger.warning("Purchases are shown without what Stripe has of them: %s", exc)
        return bought


@require_safe
@member_required
@limited(STRIPE_CALLS)
def receipt(request: SiteRequest, checkout_id: str) -> HttpResponse:
    """The receipt of one of the member's purchases, on Stripe's page."""
    try:
        page = receipt_of(signed_in(request), checkout_id)
    except UnknownCheckout:
        return refuse(request, HTTPStatus.NOT_FOUND, _("You have no such purchase"))
    if page is None:
        return refuse(request, HTTPStatus.NOT_FOUND, _("There is no receipt for this purchase yet"))
    return redirect(page)
