"""Staff pages about members: find one, read their ledger, set a balance. All of it lives in Instant."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from accounts.codes import sign_out_everywhere
from accounts.staff.passwords import fresh_password_required
from billing.errors import RequestIdReused, UnknownMember
from billing.forms import FindMembersForm, ResetForm
from billing.models import Member
from billing.staff.members import FOUND_LIMIT, check_with_stripe, find_members, member_page, reset_credits
from credits_site.answers import see_other
from credits_site.outages import OUTAGES, Outage, outage_message
from credits_site.paging import BadCursor

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Member]
else:  # Django's own class takes no parameter
    _ModelAdmin = admin.ModelAdmin


@admin.register(Member)
class MemberAdmin(_ModelAdmin):
    """Django's permissions, look and log, without its database: every page asks Instant."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Members make themselves, by signing in."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Member | None = None) -> bool:
        """Nothing is edited; a balance moves by an entry in the ledger only."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Member | None = None) -> bool:
        """A member is deleted in Instant, if at all."""
        return False

    def has_reset_permission(self, request: HttpRequest) -> bool:
        """Whether this staff member may set balances."""
        return request.user.has_perm("billing.reset_credits")

    def has_end_sessions_permission(self, request: HttpRequest) -> bool:
        """Whether this staff member may sign members out."""
        return request.user.has_perm("billing.end_sessions")

    def get_urls(self) -> list[URLPattern]:
        """The pages, under the names by which the admin's index and log link to them."""
        view = self.admin_site.admin_view

        def doing(action: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
            return view(require_POST(fresh_password_required(action)))

        return [
            path("", view(self.find), name="billing_member_changelist"),
            path("<uuid:member_id>/change/", view(self.member), name="billing_member_change"),
            path("<uuid:member_id>/reset/", doing(self.reset), name="billing_member_reset"),
            path("<uuid:member_id>/check/", doing(self.stripe_check), name="billing_member_check"),
            path("<uuid:member_id>/sign-out/", doing(self.sign_out), name="billing_member_sign_out"),
        ]

    def find(self, request: HttpRequest) -> HttpResponse:
        """Search members by a part of their email; with nothing asked, the first by email."""
        self._check_may_view(request)
        form = FindMembersForm(request.GET)
        context: dict[str, Any] = {"form": form, "limit": FOUND_LIMIT, "title": "Find a member"}
        if form.is_valid():
            try:
                context["members"] = find_members(form.cleaned_data["q"])
            except OUTAGES as exc:
                return self._outage(request, exc, "search.html", context)
        return self._page(request, "search.html", context)

    def member(self, request: HttpRequest, member_id: UUID) -> HttpResponse:
        """A member's balance and ledger, with the form to set the balance."""
        self._check_may_view(request)
        form = ResetForm.of_member(member_id).recall(request.session, initial=ResetForm.fresh())
        return self._member_page(request, member_id, form)

    def reset(self, request: HttpRequest, member_id: UUID) -> HttpResponse:
        """Set a member's balance."""
        self._check_may_view(request)
        if not self.has_reset_permission(request):
            raise PermissionDenied
        # Kept as it was sent: with the same id, trying again after an outage cannot reset twice.
        form = ResetForm.of_member(member_id).sent(request)
        if not form.is_valid():
            form.keep_with_errors(request.session)
            return self._back_to(member_id)
        try:
            email = member_page(member_id).email
            entry = reset_credits(
                member_id=member_id, staff_name=request.user.get_username(), **form.cleaned_data
            )
        except UnknownMember as exc:
            raise Http404("no such member") from exc
        except RequestIdReused:
            form.add_error(
                None, "This form has set another balance before. Press the button again to set this one."
            )
            form.renew_request_id()
            form.keep_with_errors(request.session)
            return self._back_to(member_id)
        except OUTAGES as exc:
            return self._outage_at(request, member_id, exc)
        form.forget(request.session)
        change = f"Credits reset from {entry.balance - entry.amount} to {entry.balance}"
        self.log_change(request, Member(id=member_id, email=email), f"{change}. Reason: {entry.note}")
        self.message_user(request, f"{change}, for {email}.", messages.SUCCESS)
        return self._back_to(member_id)

    def stripe_check(self, request: HttpRequest, member_id: UUID) -> HttpResponse:
        """Hold a member's purchases against Stripe, and fix what differs."""
        self._check_may_view(request)
        if not self.has_reset_permission(request):
            raise PermissionDenied
        try:
            email = member_page(member_id).email
            findings = check_with_stripe(member_id)
        except UnknownMember as exc:
            raise Http404("no such member") from exc
        except OUTAGES as exc:
            return self._outage_at(request, member_id, exc)
        for finding in findings:
            said = f"Checkout {finding.checkout_id}: {finding.text}"
            if finding.needs_review:
                self.message_user(request, f"{said}. This needs review.", messages.WARNING)
            else:
                self.log_change(request, Member(id=member_id, email=email), f"Checked with Stripe. {said}")
                self.message_user(request, said, messages.SUCCESS)
        if not findings:
            self.message_user(request, "Nothing to do: the credits match what Stripe has.", messages.INFO)
        return self._back_to(member_id)

    def sign_out(self, request: HttpRequest, member_id: UUID) -> HttpResponse:
        """End every session of a member, as they can themselves: for who has lost a phone, or was robbed of one."""
        self._check_may_view(request)
        if not self.has_end_sessions_permission(request):
            raise PermissionDenied
        try:
            email = member_page(member_id).email
        except UnknownMember as exc:
            raise Http404("no such member") from exc
        except OUTAGES as exc:
            return self._outage_at(request, member_id, exc)
        is_whole = sign_out_everywhere(member_id)
        self.log_change(request, Member(id=member_id, email=email), "Signed out everywhere")
        if is_whole:
            self.message_user(request, f"Signed out everywhere: {email}.", messages.SUCCESS)
        else:
            said = "but Instant did not confirm it. Press the button again in a moment."
            self.message_user(request, f"Signed out on this site: {email}, {said}", messages.WARNING)
        return self._back_to(member_id)

    def _member_page(self, request: HttpRequest, member_id: UUID, form: ResetForm) -> HttpResponse:
        context: dict[str, Any] = {
            "title": "Member",
            "reset_form": form,
            "may_reset": self.has_reset_permission(request),
            "may_end_sessions": self.has_end_sessions_permission(request),
            "member_id": member_id,
        }
        before = request.GET.get("before") or None
        try:
            page = member_page(member_id, before=before)
        except UnknownMember as exc:
            raise Http404("no such member") from exc
        except BadCursor:
            return self._back_to(member_id)
        except OUTAGES as exc:
            return self._outage(request, exc, "member.html", context)
        context |= {"page": page, "title": page.email or "Guest", "before": before}
        return self._page(request, "member.html", context)

    def _check_may_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _back_to(self, member_id: UUID) -> HttpResponse:
        return see_other(reverse("admin:billing_member_change", args=[member_id]))

    def _outage_at(self, request: HttpRequest, member_id: UUID, exc: Outage) -> HttpResponse:
        self._tell(request, exc)
        return self._back_to(member_id)

    def _outage(
        self, request: HttpRequest, exc: Outage, template: str, context: dict[str, Any]
    ) -> HttpResponse:
        self._tell(request, exc)
        return self._page(request, template, context, status=HTTPStatus.SERVICE_UNAVAILABLE)

    def _tell(self, request: HttpRequest, exc: Outage) -> None:
        logger.error("%s %s: %s: %s", request.method, request.path, type(exc).__name__, exc)
        self.message_user(request, outage_message(exc, writing=request.method == "POST"), messages.ERROR)

    def _page(
        self, request: HttpRequest, template: str, context: dict[str, Any], *, status: int = HTTPStatus.OK
    ) -> HttpResponse:
        everywhere = {**self.admin_site.each_context(request), "opts": self.opts, "subtitle": None}
        return TemplateResponse(
            request, f"admin/billing/member/{template}", {**everywhere, **context}, status=status
        )
