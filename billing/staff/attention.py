"""The staff's list of what needs attention: read, looked into, and closed."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from billing.attention import close, left_of_purchase
from billing.models import Attention
from billing.products import credits_text
from billing.staff.pages import ReadOnlyAdmin
from billing.stripe_api.client import dashboard
from credits_site.outages import OUTAGES

_REMEDIES: Final = {
    Attention.Kind.FRAUD_WARNING: _(
        "Refund the payment in Stripe before it is disputed, unless you know the buyer."
    ),
    Attention.Kind.REVIEW: _(
        "Put the checkout's metadata back as the payment in Stripe still has it, then press "
        "“Check with Stripe” on the member's page; or refund the payment whole."
    ),
    Attention.Kind.WITHDRAWAL: _(
        "It is ended within the hour, by `manage.py reconcile_credits`. If it stays, refund this sum in Stripe, "
        "and close this."
    ),
    Attention.Kind.SELLING_PAUSED: _(
        "Do what Stripe says; docs/operations.md has its refusals. The next checkout that can be started closes this."
    ),
}


class StateFilter(admin.SimpleListFilter):
    """Open or closed."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choices."""
        return [("open", str(_("Open"))), ("closed", str(_("Closed")))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Attention]) -> QuerySet[Attention]:
        """What is in the chosen state."""
        chosen = self.value()
        return queryset if chosen is None else queryset.filter(closed_at__isnull=chosen == "open")


@admin.register(Attention)
class AttentionAdmin(ReadOnlyAdmin):
    """What is open comes first. Nothing is edited; who has looked at something closes it."""

    list_display = ("raised_at", "kind", "payment", "member", "detail", "closed_at", "closed_by")
    list_filter = (StateFilter, "kind")
    search_fields = ("payment_id", "checkout_id", "member_id")
    ordering = (F("closed_at").desc(nulls_first=True), "-raised_at")
    fields = (
        *("kind", "detail", "remedy", "raised_at", "checkout_id", "payment_id"),
        *("member", "payment", "refund_takes", "closed_at", "closed_by"),
    )
    actions = ("close_selected",)

    def has_close_permission(self, request: HttpRequest) -> bool:
        """Whether this staff member may say that something was looked at."""
        return request.user.has_perm("billing.close_attention")

    @admin.display(description=_("Member"))
    def member(self, noted: Attention) -> str:
        """Whose payment it is."""
        if noted.member_id is None:
            return ""
        page = reverse("admin:billing_member_change", args=[noted.member_id])
        return format_html('<a href="{}">{}</a>', page, _("Balance and ledger"))

    @admin.display(description=_("Payment"))
    def payment(self, noted: Attention) -> str:
        """Stripe's page of the payment, where it can be refunded."""
        if noted.payment_id:
            page = dashboard(f"payments/{noted.payment_id}")
        elif noted.checkout_id and noted.member_id:
            page = reverse("admin:billing_member_payment", args=[noted.member_id, noted.checkout_id])
        else:
            return ""
        return format_html('<a href="{}" rel="noreferrer">{}</a>', page, _("Refund in Stripe"))

    @admin.display(description=_("What to do"))
    def remedy(self, noted: Attention) -> str:
        """What helps."""
        return str(_REMEDIES[Attention.Kind(noted.kind)])

    @admin.display(description=_("A full refund would take back"))
    def refund_takes(self, noted: Attention) -> str:
        """In credits, as the ledger is now."""
        if not noted.checkout_id:
            return ""
        try:
            left = left_of_purchase(noted.checkout_id)
        except OUTAGES:
            return str(_("Cannot be read right now. Reload the page in a moment."))
        return str(_("Nothing: this purchase is not credited")) if left is None else credits_text(left)

    @admin.action(description=_("Close: it was looked at"), permissions=["close"])
    def close_selected(self, request: HttpRequest, chosen: QuerySet[Attention]) -> None:
        """Close what is open of the chosen."""
        closed = [noted for noted in chosen if close(noted, by=request.user.get_username())]
        for noted in closed:
            self.log_change(request, noted, "Closed")
        self.message_user(request, _("%(number)s closed.") % {"number": len(closed)}, messages.SUCCESS)
