"""The staff's page that refunds what a member has not spent of a purchase."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.staff.passwords import fresh_password_required
from billing import attention, mails
from billing.checkout import checkout_of
from billing.clawback import Withdrawal
from billing.errors import UnknownCheckout, UnknownMember
from billing.forms import RefundForm
from billing.fulfilment import withdrawal_key
from billing.models import Member
from billing.money import money_text
from billing.products import credits_text
from billing.staff.credits import entry_under
from billing.staff.members import member_page
from billing.staff.pages import MemberPages
from billing.stripe_api.checkouts import Checkout
from billing.withdrawals import NotWithdrawable, WithdrawalChanged, offer_of, withdraw
from credits_site.outages import OUTAGES


class RefundPages(MemberPages):
    """The same as a buyer's own withdrawal, under the same keys, but of a purchase of whatever age."""

    def refund_urls(self) -> list[URLPattern]:
        """The page, one for each purchase."""
        view = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.refund))
        address = "<uuid:member_id>/purchases/<str:checkout_id>/refund/"
        return [path(address, view, name="billing_member_refund")]

    def refund(self, request: HttpRequest, member_id: UUID, checkout_id: str) -> HttpResponse:
        """What of a purchase can be refunded; a POST refunds it."""
        self.check_may(request, "refund_unused")
        if request.method == "POST":
            return fresh_password_required(self._of_checkout)(request, member_id, checkout_id)
        return self._of_checkout(request, member_id, checkout_id)

    def _of_checkout(self, request: HttpRequest, member_id: UUID, checkout_id: str) -> HttpResponse:
        act = self._refund if request.method == "POST" else self._offer
        try:
            return act(request, checkout_of(member_id, checkout_id), member_id)
        except (UnknownCheckout, UnknownMember) as exc:
            raise Http404("no such purchase") from exc
        except OUTAGES as exc:
            form = RefundForm(request.POST) if request.method == "POST" else None
            return self.outage(request, exc, "refund.html", _context(member_id, form))

    def _offer(
        self,
        request: HttpRequest,
        checkout: Checkout,
        member_id: UUID,
        *,
        form: RefundForm | None = None,
        status: int = HTTPStatus.OK,
    ) -> HttpResponse:
        member = member_page(member_id)
        context = _context(member_id, form) | {"member": member, "checkout": checkout}
        try:
            offer = offer_of(checkout, member_id, staff_name=request.user.get_username())
        except NotWithdrawable:
            context["form"] = None
            return self.page(request, "refund.html", context, status=status)
        shown = {"credits": offer.credits, "amount": offer.amount}
        if form is None:
            context["form"] = RefundForm(initial=shown)
        else:
            form.data = {**request.POST.dict(), **shown}  # what was typed stays, what was shown is new
        context |= {"offer": offer, "after": member.credits - offer.credits, **_texts(offer, checkout)}
        return self.page(request, "refund.html", context, status=status)

    def _refund(self, request: HttpRequest, checkout: Checkout, member_id: UUID) -> HttpResponse:
        form = RefundForm(request.POST)
        if not form.is_valid():
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            return self._offer(request, checkout, member_id, form=form, status=status)
        wanted = Withdrawal(form.cleaned_data["credits"], form.cleaned_data["amount"])
        money = money_text(wanted.amount, checkout.currency)
        by_staff = {"reason": form.cleaned_data["reason"], "staff_name": request.user.get_username()}
        try:
            with attention.withdrawing(checkout, member_id=member_id, money=money):
                withdrawn = withdraw(checkout, member_id, wanted, **by_staff)
                if withdrawn is not None:
                    mails.send_withdrawal(withdrawn, checkout, money=money)
        except (WithdrawalChanged, NotWithdrawable):
            said = _("What can be refunded has changed meanwhile. Nothing was done yet.")
            self.message_user(request, said, messages.WARNING)
            return self._offer(request, checkout, member_id, form=form, status=HTTPStatus.CONFLICT)
        self._tell(request, checkout, member_id, is_repaid=withdrawn is not None)
        return self.back_to(member_id)

    def _tell(self, request: HttpRequest, checkout: Checkout, member_id: UUID, *, is_repaid: bool) -> None:
        """Say, and log once, what became of it: who presses a button that somebody else has pressed did nothing."""
        entry = entry_under(withdrawal_key(checkout.id))
        if entry is None or entry.actor != request.user.get_username():
            self.message_user(request, _("This purchase was taken back before."), messages.INFO)
            return
        credits, done = credits_text(-entry.amount), "Refunded" if is_repaid else "Stripe refused to refund"
        member = Member(id=member_id, email=member_page(member_id).email)
        self.log_once(request, member, f"{done} {-entry.amount} credits. Reason: {entry.note} ({entry.key})")
        if is_repaid:
            said = _("Refunded what was not spent: %(credits)s taken.") % {"credits": credits}
            self.message_user(request, said, messages.SUCCESS)
        else:
            said = _("Stripe refused the refund, and the credits are back: %(credits)s.") % {
                "credits": credits
            }
            self.message_user(request, said, messages.ERROR)


def _context(member_id: UUID, form: RefundForm | None) -> dict[str, Any]:
    return {"title": _("Refund what is unused"), "member_id": member_id, "form": form}


def _texts(offer: Withdrawal, checkout: Checkout) -> dict[str, str]:
    return {
        "credits_text": credits_text(offer.credits),
        "money_text": money_text(offer.amount, checkout.currency),
    }
