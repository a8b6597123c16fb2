"""The page on which a buyer takes a purchase back: what comes back, and the button."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.http import SiteRequest, limited, member_required, signed_in
from accounts.members import Member
from billing import attention, mails
from billing.checkout import checkout_of
from billing.clawback import Withdrawal
from billing.errors import UnknownCheckout
from billing.forms import WithdrawalForm
from billing.money import money_text
from billing.products import credits_text
from billing.stripe_api.checkouts import Checkout
from billing.views import STRIPE_CALLS
from billing.withdrawals import NotWithdrawable, WithdrawalChanged, offer_of, withdraw
from credits_site.answers import first_error, problem, refuse, see_other, wants_json


@require_http_methods(["GET", "HEAD", "POST"])
@member_required
@limited(STRIPE_CALLS)
def withdrawal(request: SiteRequest, checkout_id: str) -> HttpResponse:
    """What the buyer gets back for what they have not spent; a POST takes it back."""
    member = signed_in(request)
    try:
        checkout = checkout_of(member.id, checkout_id)
        act = _take_back if request.method == "POST" else _offer
        return act(request, member, checkout)
    except UnknownCheckout:
        return refuse(request, HTTPStatus.NOT_FOUND, _("You have no such purchase"))
    except NotWithdrawable:
        said = _(
            "Nothing of this purchase can be taken back: it is spent, refunded, disputed, or older than %(days)s days"
        )
        return refuse(request, HTTPStatus.CONFLICT, said % {"days": settings.WITHDRAWAL_DAYS})


def _offer(request: SiteRequest, member: Member, checkout: Checkout) -> HttpResponse:
    offer = offer_of(checkout, member.id)
    if wants_json(request):
        return JsonResponse(_as_json(offer, checkout))
    context = {
        "offer": offer,
        "checkout": checkout,
        "credits_text": credits_text(offer.credits),
        "money_text": money_text(offer.amount, checkout.currency),
    }
    return render(request, "billing/withdrawal.html", context)


def _take_back(request: SiteRequest, member: Member, checkout: Checkout) -> HttpResponse:
    form = WithdrawalForm(request.POST)
    if not form.is_valid():
        return refuse(request, HTTPStatus.UNPROCESSABLE_ENTITY, first_error(form).rstrip("."))
    wanted = Withdrawal(form.cleaned_data["credits"], form.cleaned_data["amount"])
    money = money_text(wanted.amount, checkout.currency)
    try:
        with attention.withdrawing(checkout, member_id=member.id, money=money):
            withdrawn = withdraw(checkout, member.id, wanted)
            if withdrawn is not None:
                mails.send_withdrawal(withdrawn, checkout, money=money)
    except WithdrawalChanged as exc:
        said = _("What you can take back has changed meanwhile. Nothing was done yet.")
        if wants_json(request):
            return problem(request, HTTPStatus.CONFLICT, said, **_as_json(exc.now, checkout))
        messages.info(request, said)
        return see_other(request.path)
    if wants_json(request):
        return JsonResponse(_as_json(wanted, checkout) | {"repaid": withdrawn is not None})
    if withdrawn is not None:
        said = _("Taken back. %(money)s is on its way to you; banks take some days.")
        messages.success(request, said % {"money": money})
    else:
        messages.error(
            request,
            _("The money could not be sent back, so you have your credits again. Please write to us."),
        )
    return see_other(reverse("billing:history"))


def _as_json(offer: Withdrawal, checkout: Checkout) -> dict[str, Any]:
    return {"credits": offer.credits, "amount": offer.amount, "currency": checkout.currency}
