"""Django's admin site, with two pages of one's own login: the password again, and two-factor login."""

from __future__ import annotations

import re
from base64 import b32encode
from functools import update_wrapper
from typing import Any, Final, cast

import django_otp
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import TO_FIELD_VAR
from django.contrib.auth.models import User
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe
from django_otp.util import random_hex

from accounts.staff import second_factor
from accounts.staff.forms import StaffLoginForm
from accounts.staff.logins import OURS, count_try
from accounts.staff.passwords import PASSWORD_FIELD, WAITING, fresh_password_required
from credits_site.answers import see_other

# The key that a new app is to take, in hex. It is in the session until a code shows that an app has it.
_NEW_KEY: Final = OURS + "key"
_NEW_CODES: Final = OURS + "codes"
# Rows of the admin that can be selected have numbers.
_MAY_BE_ID: Final = re.compile(r"[0-9]{1,18}", re.ASCII)


class StaffSite(AdminSite):
    """Whoever has set up two-factor login gets nowhere without its code."""

    site_header = site_title = "Instant Credits"
    index_title = gettext_lazy("Staff")
    login_form = StaffLoginForm
    login_template = "accounts/staff/login.html"

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff; those with an app only where they have given its code."""
        if not super().has_permission(request):
            return False
        return second_factor.is_given(request.user) or not second_factor.is_on(_staff(request))

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Django's; a row that can be none and a field without a name are a bad request, where Django says 500."""

        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not all(map(_MAY_BE_ID.fullmatch, request.POST.getlist(ACTION_CHECKBOX_NAME))):
                raise BadRequest("no row has this id")
            if "" in (request.GET.get(TO_FIELD_VAR), request.POST.get(TO_FIELD_VAR)):
                raise BadRequest("no field has this name")
            answer: HttpResponse = view(request, *args, **kwargs)
            return answer

        update_wrapper(checked, view)
        return super().admin_view(checked, cacheable)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """The pages of one's own login come before the admin's, which end with one that catches everything."""

        def changing(view: Any) -> Any:
            return self.admin_view(require_POST(fresh_password_required(view)))

        return [
            path("confirm/", self.admin_view(require_safe(self.confirm_password)), name="confirm_password"),
            path("two-factor/", self.admin_view(require_safe(self.two_factor)), name="two_factor"),
            path("two-factor/on/", changing(self.two_factor_on), name="two_factor_on"),
            path("two-factor/codes/", changing(self.two_factor_codes), name="two_factor_codes"),
            path("two-factor/off/", changing(self.two_factor_off), name="two_factor_off"),
            *super().get_urls(),
        ]

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Django's; its old password can be guessed no more often than at the login."""
        if request.method == "POST":
            count_try(request, request.user.get_username())
        return super().password_change(request, extra_context)

    def confirm_password(self, request: HttpRequest) -> HttpResponse:
        """Ask for the password, and send the form that waits for it."""
        waiting = request.session.get(WAITING)
        if waiting is None:
            return see_other(reverse("admin:index"))
        context = {"title": _("Your password again"), "waiting": waiting, "password_field": PASSWORD_FIELD}
        return self._page(request, "confirm_password.html", context)

    def two_factor(self, request: HttpRequest) -> HttpResponse:
        """One's own two-factor login. New backup codes are shown once."""
        user = _staff(request)
        context: dict[str, Any] = {"title": _("Two-factor login"), "is_on": second_factor.is_on(user)}
        if context["is_on"]:
            context["new_codes"] = request.session.pop(_NEW_CODES, [])
            context["codes_left"] = second_factor.backup_codes_left(user)
        else:
            key = request.session.setdefault(_NEW_KEY, random_hex())
            address = second_factor.address_for_app(user, key)
            context["key"] = b32encode(bytes.fromhex(key)).decode()
            context |= {"address": address, "picture": second_factor.picture_of(address)}
        return self._page(request, "two_factor.html", context)

    def two_factor_on(self, request: HttpRequest) -> HttpResponse:
        """Turn it on with a first code, for this browser too."""
        key, code = request.session.get(_NEW_KEY), request.POST.get("code", "").replace(" ", "")
        device = second_factor.turn_on(_staff(request), key=key, code=code) if key else None
        if device is None:
            messages.error(
                request, _("That is not the code of this key right now. Wait for the next, and type it.")
            )
            return see_other(reverse("admin:two_factor"))
        django_otp.login(request, device)
        del request.session[_NEW_KEY]
        messages.success(request, _("Two-factor login is on."))
        return self.two_factor_codes(request)

    def two_factor_codes(self, request: HttpRequest) -> HttpResponse:
        """Make new backup codes."""
        request.session[_NEW_CODES] = second_factor.new_backup_codes(_staff(request))
        return see_other(reverse("admin:two_factor"))

    def two_factor_off(self, request: HttpRequest) -> HttpResponse:
        """Turn it off, for example to set up another phone."""
        second_factor.turn_off(_staff(request))
        messages.success(request, _("Two-factor login is off."))
        return see_other(reverse("admin:two_factor"))

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        everywhere = {**self.each_context(request), "subtitle": None}
        return TemplateResponse(request, f"accounts/staff/{template}", {**everywhere, **context})


def _staff(request: HttpRequest) -> User:
    """Who is logged in; only for pages that ask for it."""
    return cast(User, request.user)
