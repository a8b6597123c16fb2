"""What members say of themselves: an email, and a code from a mail to it."""

from __future__ import annotations

import unicodedata
from typing import Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts import emails
from accounts.keys.making import Scope
from credits_site.forms import KeptForm

DIGITS: Final = 6


class EmailForm(KeptForm):
    """Step one: where to send the code, and where the person was."""

    kept_as = "sign-in form"
    sent_to = "accounts:sign-in"
    never_kept = ("next",)  # the address of the page has it

    email = forms.CharField(
        max_length=emails.LONGEST, error_messages={"required": _("Enter your email address.")}
    )
    next = forms.CharField(max_length=2000, required=False)

    def clean_email(self) -> str:
        """The address in its canonical form."""
        return emails.canonical(self.cleaned_data["email"])


class NewEmailForm(KeptForm):
    """The address that a member wants to have from now on."""

    kept_as = "new email form"
    sent_to = "accounts:change-email"

    email = forms.CharField(
        max_length=emails.LONGEST, error_messages={"required": _("Enter your new email address.")}
    )

    def clean_email(self) -> str:
        """The address in its canonical form."""
        return emails.canonical(self.cleaned_data["email"])


class CodeForm(KeptForm):
    """Step two: the code from the mail, as people copy it: with spaces, dashes, signs, in any script's digits."""

    kept_as = "code form"
    never_kept = ("code",)

    code = forms.CharField(
        max_length=20,
        error_messages={
            "required": _("Enter the six digits from the mail."),
            "max_length": _("The code is six digits."),
        },
    )

    def clean_code(self) -> str:
        """The six digits alone."""
        typed = self.cleaned_data["code"]
        digits = [letter for letter in typed if unicodedata.category(letter)[0] not in "ZCPS"]
        if len(digits) != DIGITS or not all(letter.isdecimal() for letter in digits):
            raise ValidationError(_("The code is six digits."))
        return "".join(str(unicodedata.decimal(letter)) for letter in digits)


class KeyForm(KeptForm):
    """A new key for a program. `daily_limit` is in credits; without one the key may spend all there are."""

    kept_as = "key form"
    sent_to = "accounts:keys"

    name = forms.CharField(max_length=60, error_messages={"required": _("Give the key a name.")})
    scope = forms.TypedChoiceField(
        choices=[(Scope.SPEND, _("Read and spend credits")), (Scope.READ, _("Only read"))],
        coerce=Scope,
        error_messages={"required": _("Choose what the key may do.")},
    )
    daily_limit = forms.IntegerField(
        min_value=1,
        max_value=1_000_000_000,
        required=False,
        error_messages={"invalid": _("The limit is a whole number of credits.")},
    )
