"""What holds for every page of the staff."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _

from accounts.http import with_retry_after
from accounts.limits import TooOften
from accounts.staff.logins import end_if_over
from accounts.staff.second_factor import is_owed
from credits_site.addresses import address_of, is_in, networks_in
from credits_site.answers import page_it_came_from, see_other
from credits_site.security_log import complain

# Where somebody gets who has no app yet although the settings ask for one.
_WITHOUT_APP: Final = frozenset(
    {"login", "logout", "two_factor", "two_factor_on", "confirm_password", "password_change", "jsi18n"}
)


class StaffMiddleware(MiddlewareMixin):
    """Keeps the admin to the networks, the hours and the second factor that the settings ask for."""

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Nothing is there for strangers: a 403 would invite them to come back from another address."""
        if not _is_admin(request):
            return None
        networks = networks_in(settings.STAFF_NETWORKS)
        # Where networks are set, no address is no staff's.
        if networks and not is_in(address_of(request), networks):
            raise Http404("not from this address")
        page = request.resolver_match and request.resolver_match.url_name
        if end_if_over(request) and request.method == "POST" and page != "login":
            # Back to the page with the form: its own address may answer a POST only.
            messages.warning(request, _("Your login had ended, and nothing was done. Log in again."))
            back_to = page_it_came_from(request, otherwise=reverse("admin:index"))
            return redirect_to_login(back_to, reverse("admin:login"))
        if page not in _WITHOUT_APP and is_owed(request.user):
            return see_other(reverse("admin:two_factor"))
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A password was tried as often as it may be."""
        if not isinstance(exception, TooOften) or not _is_admin(request):
            return None
        complain(request, "limit reached", limit=exception.limit)
        context = admin.site.each_context(request) | {"title": _("Wait a little"), "wait": exception.wait}
        response = render(
            request, "accounts/staff/too_often.html", context, status=HTTPStatus.TOO_MANY_REQUESTS
        )
        return with_retry_after(response, exception.retry_after_s)


def _is_admin(request: HttpRequest) -> bool:
    return request.resolver_match is not None and request.resolver_match.app_names == ["admin"]
