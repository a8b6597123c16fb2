"""Staff pages about members: find one, read their ledger, look after them. All of it lives in Instant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.codes import sign_out_everywhere
from accounts.keys.making import revoke_all
from accounts.sessions import sessions_of
from accounts.staff.passwords import fresh_password_required
from billing.errors import UnknownCheckout, UnknownMember
from billing.forms import FindMembersForm, HistoryForm
from billing.models import Member
from billing.reconciliation import reconcile_member
from billing.reviews import note_finding
from billing.staff.credit_pages import CreditPages
from billing.staff.members import member_page, payment_in_stripe, products_of, purchases_of
from billing.staff.refund_pages import RefundPages
from billing.staff.search import Sort, find_members
from billing.staff.totals import as_csv, totals
from billing.stripe_api.client import dashboard
from credits_site.answers import see_other
from credits_site.outages import OUTAGES, Outage
from credits_site.paging import BadCursor


@admin.register(Member)
class MemberAdmin(CreditPages, RefundPages):
    """Members are found, read and looked after; nothing of them is edited."""

    def get_urls(self) -> list[URLPattern]:
        """The pages, under the names by which the admin's index and log link to them."""
        view = self.admin_site.admin_view

        def doing(action: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
            return view(require_POST(fresh_password_required(action)))

        return [
            path("", view(self.find), name="billing_member_changelist"),
            path("<uuid:member_id>/change/", view(self.member), name="billing_member_change"),
            path("totals/", view(self.totals), name="billing_member_totals"),
            path("totals.csv", view(self.totals_csv), name="billing_member_totals_csv"),
            *self.credit_urls(),
            *self.refund_urls(),
            path(
                "<uuid:member_id>/payments/<str:checkout_id>/",
                view(self.payment),
                name="billing_member_payment",
            ),
            path("<uuid:member_id>/check/", doing(self.stripe_check), name="billing_member_check"),
            path("<uuid:member_id>/sign-out/", doing(self.sign_out), name="billing_member_sign_out"),
        ]

    def find(self, request: HttpRequest) -> HttpResponse:
        """Search members by a part of their email or by an id, some of them, in an order, page by page."""
        self.check_may(request)
        form = FindMembersForm(request.GET)
        context: dict[str, Any] = {"form": form, "title": _("Find a member")}
        context["may_grant"] = self.may(request, "grant_credits")
        if form.is_valid():
            wanted = form.wanted
            context |= {"wanted": wanted, "columns": _columns(wanted["sort"])}
            try:
                context["found"] = find_members(**wanted)
            except OUTAGES as exc:
                return self.outage(request, exc, "search.html", context)
        return self.page(request, "search.html", context)

    def payment(self, request: HttpRequest, member_id: UUID, checkout_id: str) -> HttpResponse:
        """Lead to a payment in Stripe's dashboard."""
        self.check_may(request)
        try:
            return see_other(payment_in_stripe(member_id, checkout_id))
        except UnknownCheckout as exc:
            raise Http404("no such checkout") from exc
        except OUTAGES as exc:
            return self._outage_at(request, member_id, exc)

    def totals(self, request: HttpRequest) -> HttpResponse:
        """Credits sold, spent and outstanding by month."""
        self.check_may(request)
        context: dict[str, Any] = {"title": _("Credits by month")}
        try:
            context["months"] = totals(timezone.now())
        except OUTAGES as exc:
            return self.outage(request, exc, "totals.html", context)
        return self.page(request, "totals.html", context)

    def totals_csv(self, request: HttpRequest) -> HttpResponse:
        """The same for a spreadsheet."""
        self.check_may(request)
        try:
            text = as_csv(totals(timezone.now()))
        except OUTAGES as exc:
            return self.outage(request, exc, "totals.html", {"title": _("Credits by month")})
        name = f"credits-{timezone.now():%Y-%m-%d}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)

    def member(self, request: HttpRequest, member_id: UUID) -> HttpResponse:
        """A member's balance and ledger, and what may be done with them."""
        self.check_may(request)
        context: dict[str, Any] = {
            "title": _("Member"),
            "may": {codename for codename, _ in Member._meta.permissions if self.may(request, codename)},
            "member_id": member_id,
            "sessions": sessions_of(member_id, here=None),
        }
        form, before = HistoryForm(request.GET), request.GET.get("before") or None
        if not form.is_valid():
            return self.back_to(member_id)
        try:
            page = member_page(member_id, before=before, wanted=form.wanted)
            context["products"] = products_of(member_id)
            context["purchases"] = purchases_of(member_id, customer_id=page.customer_id)
        except UnknownMember as exc:
            raise Http404("no such member") from exc
        except BadCursor:
            return self.back_to(member_id)
        except OUTAGES as exc:
            return self.outage(request, exc, "member.html", context)
        asked = {name: request.GET[name] for name in form.fields if request.GET.get(name)}
        context |= {"page": page, "title": page.email or _("Guest"), "before": before}
        context |= {"form": form, "asked": urlencode(asked)}
        if page.customer_id is not None:
            context["customer"] = dashboard(f"customers/{page.customer_id}")
        return self.page(request, "member.html", context)

    def stripe_check(self, request: HttpRequest, member_id: UUID) -> HttpResponse:
        """Hold a member's purchases against Stripe, and fix what differs."""
        self.check_may(request, "reset_credits")
        try:
            page = member_page(member_id)
            findings = list(reconcile_member(member_id, customer_id=page.customer_id))
        except UnknownMember as exc:
            raise Http404("no such member") from exc
        except OUTAGES as exc:
            return self._outage_at(request, member_id, exc)
        for finding in findings:
            note_finding(finding)
            said = f"Checkout {finding.checkout_id}: {finding.text}"
            if finding.needs_review:
                self.message_user(
                    request, _("%(said)s. This needs review.") % {"said": said}, messages.WARNING
                )
            else:
                self.log_change(
                    request, Member(id=member_id, email=page.email), f"Checked with Stripe. {said}"
                )
                self.message_user(request, said, messages.SUCCESS)
        if not findings:
            self.message_user(request, _("Nothing to do: the credits match what Stripe has."), messages.INFO)
        return self.back_to(member_id)

    def sign_out(self, request: HttpRequest, member_id: UUID) -> HttpResponse:
        """End every session and key of a member: for who has lost a phone, or was robbed of one."""
        self.check_may(request, "end_sessions")
        try:
            email = member_page(member_id).email
        except UnknownMember as exc:
            raise Http404("no such member") from exc
        except OUTAGES as exc:
            return self._outage_at(request, member_id, exc)
        revoke_all(member_id)
        is_whole = sign_out_everywhere(member_id)
        self.log_change(request, Member(id=member_id, email=email), "Signed out everywhere")
        if is_whole:
            self.message_user(
                request, _("Signed out everywhere: %(email)s.") % {"email": email}, messages.SUCCESS
            )
        else:
            said = _(
                "Signed out on this site: %(email)s, but Instant did not confirm it. "
                "Press the button again in a moment."
            )
            self.message_user(request, said % {"email": email}, messages.WARNING)
        return self.back_to(member_id)

    def _outage_at(self, request: HttpRequest, member_id: UUID, exc: Outage) -> HttpResponse:
        self.tell(request, exc)
        return self.back_to(member_id)


def _columns(sort: Sort) -> list[dict[str, Any]]:
    """The heads of the list: how each sorts when it is pressed, and how the list is sorted now, as ARIA says it."""
    orders = [
        (_("Email"), "", [Sort.EMAIL, Sort.EMAIL_BACKWARDS]),
        (_("Credits"), "members__number", [Sort.BALANCE, Sort.BALANCE_HIGHEST]),
        (_("Last movement (UTC)"), "", [Sort.MOVED]),
        (_("Purchases"), "members__number", [Sort.PURCHASES]),
        (_("Joined (UTC)"), "", [Sort.JOINED_LAST, Sort.JOINED]),
    ]
    return [
        {
            "name": name,
            "css": css,
            "sort": sorts[(sorts.index(sort) + 1) % len(sorts)] if sort in sorts else sorts[0],
            "aria": ("descending" if sort.startswith("-") else "ascending") if sort in sorts else "",
        }
        for name, css, sorts in orders
    ]
