"""How staff log in."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.staff import second_factor
from accounts.staff.logins import count_try
from credits_site.security_log import note


class StaffLoginForm(AdminAuthenticationForm):
    """Name, password, and a code from whoever has set that up. Which of them was wrong is not said."""

    error_messages = {  # noqa: RUF012  as Django's forms have it
        **AdminAuthenticationForm.error_messages,
        "invalid_login": _(
            "That is not the username and password of a staff account, with the right code if it has "
            "two-factor login. Check all of them and type them again."
        ),
    }

    code = forms.CharField(
        required=False,
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}),
        help_text=_("From your app, or a backup code. Leave it empty if you have set up neither."),
    )

    def clean(self) -> dict[str, Any]:
        """Raises `TooOften`, whether the password is right or not."""
        count_try(cast(HttpRequest, self.request), self.cleaned_data.get("username", ""))
        return super().clean()

    def confirm_login_allowed(self, user: User) -> None:
        """The password is right; is the rest?"""
        super().confirm_login_allowed(user)
        if not second_factor.is_on(user):
            return
        device = second_factor.device_of(user, self.cleaned_data.get("code", ""))
        if device is None:
            note(self.request, "staff code refused", of=user.pk)
            raise self.get_invalid_login_error()
        second_factor.given(user, device)
