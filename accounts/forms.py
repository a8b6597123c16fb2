"""The two steps of signing in."""

from __future__ import annotations

from django import forms
from django.core.validators import RegexValidator

from credits_site.forms import KeptForm


class EmailForm(KeptForm):
    """Step one: where to send the code, and where the person was."""

    kept_as = "sign-in form"
    never_kept = ("next",)  # the address of the page has it

    email = forms.EmailField(
        max_length=254,
        error_messages={
            "required": "Enter your email address.",
            "invalid": "That does not look like an email address.",
        },
    )
    next = forms.CharField(max_length=2000, required=False)


class CodeForm(KeptForm):
    """Step two: the code from the mail. Spaces and dashes, as people copy them, are let through."""

    kept_as = "code form"
    never_kept = ("code",)

    code = forms.CharField(
        max_length=20,
        error_messages={
            "required": "Enter the six digits from the mail.",
            "max_length": "The code is six digits.",
        },
    )

    def clean_code(self) -> str:
        """The six digits alone."""
        code: str = "".join(self.cleaned_data["code"].replace("-", " ").split())
        RegexValidator(r"\A[0-9]{6}\Z", "The code is six digits.")(code)
        return code
