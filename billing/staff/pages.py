"""What the staff's pages share: who may see them, that nothing is edited, how an outage looks, what is logged."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.http import with_retry_after
from billing.models import Member
from credits_site.answers import see_other
from credits_site.outages import RETRY_AFTER_S, Outage, is_final, outage_message

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:  # Django's own class takes no parameter
    _ModelAdmin = admin.ModelAdmin


class ReadOnlyAdmin(_ModelAdmin):
    """What staff read; a balance moves by an entry in the ledger only."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Members make themselves, by signing in, and the site raises what needs attention."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is edited."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A member is deleted in Instant, if at all, and what was closed stays as a record."""
        return False


class MemberPages(ReadOnlyAdmin):
    """Django's permissions, look and log, without its database: every page asks Instant."""

    def check_may(self, request: HttpRequest, codename: str | None = None) -> None:
        """Raise `PermissionDenied` to who may not look, or has not the permission as well."""
        if not self.has_view_permission(request) or (codename and not self.may(request, codename)):
            raise PermissionDenied

    def may(self, request: HttpRequest, codename: str) -> bool:
        """Whether this staff member has a permission of this app."""
        return request.user.has_perm(f"billing.{codename}")

    def back_to(self, member_id: UUID) -> HttpResponse:
        """303 to the member's page."""
        return see_other(reverse("admin:billing_member_change", args=[member_id]))

    def tell(self, request: HttpRequest, exc: Outage) -> None:
        """Log an outage, and say so on the next page; of what is final, also what there is to do about it."""
        logger.error("%s %s: %s: %s", request.method, request.path, type(exc).__name__, exc)
        said = outage_message(exc, writing=request.method == "POST")
        self.message_user(request, f"{said} {exc}" if is_final(exc) else said, messages.ERROR)

    def outage(
        self, request: HttpRequest, exc: Outage, template: str, context: dict[str, Any]
    ) -> HttpResponse:
        """The page without what could not be read."""
        self.tell(request, exc)
        response = self.page(request, template, context, status=HTTPStatus.SERVICE_UNAVAILABLE)
        return response if is_final(exc) else with_retry_after(response, RETRY_AFTER_S)

    def page(
        self, request: HttpRequest, template: str, context: dict[str, Any], *, status: int = HTTPStatus.OK
    ) -> HttpResponse:
        """A page in the admin's frame."""
        everywhere = {**self.admin_site.each_context(request), "opts": self.opts, "subtitle": None}
        return TemplateResponse(
            request, f"admin/billing/member/{template}", {**everywhere, **context}, status=status
        )

    def log_once(self, request: HttpRequest, member: Member, text: str) -> None:
        """Log what was done under the key in `text`, unless that was logged before: a form may be sent twice."""
        with transaction.atomic():
            # Whoever sends one form twice at once is one person: the second waits for the first.
            User.objects.select_for_update().get(username=request.user.get_username())
            if not LogEntry.objects.filter(object_id=str(member.pk), change_message=text).exists():
                self.log_change(request, member, text)
