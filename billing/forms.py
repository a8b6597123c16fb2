"""What browsers may say: which pack and how many, never what it costs or is worth; and what staff do with credits."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Final
from uuid import uuid4

from django import forms
from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from billing.errors import RequestIdReused
from billing.history import Group, Wanted
from billing.staff.search import Only, Sort
from credits_site.forms import KeptForm
from instant_admin.ledger.rules import OutOfCredits

MOST_PACKS_AT_ONCE: Final = 10
MOST_CREDITS: Final = 1_000_000
MOST_MEMBERS: Final = 1000
REASON_HELP: Final = _("Kept in the member's history, where they can read it.")


class CheckoutForm(KeptForm):
    """A pack by its price id, and how many. `request_id` makes a double click one checkout."""

    kept_as = "checkout form"
    sent_to = "billing:checkout"
    never_kept = ("request_id",)

    pack = forms.CharField(max_length=200, required=False)
    quantity = forms.IntegerField(
        min_value=1,
        max_value=MOST_PACKS_AT_ONCE,
        required=False,
        error_messages={
            "invalid": _("Choose a whole number of packs."),
            "min_value": _("Choose at least one pack."),
            "max_value": format_lazy(_("Choose at most {most} packs at once."), most=MOST_PACKS_AT_ONCE),
        },
    )
    request_id = forms.UUIDField(
        required=False, error_messages={"invalid": _("This form is out of date. Press the button again.")}
    )

    @staticmethod
    def fresh() -> dict[str, object]:
        """What a form to fill in begins with: an id of its own."""
        return {"quantity": 1, "request_id": uuid4()}

    def clean_quantity(self) -> int:
        """One pack, unless told otherwise."""
        quantity: int | None = self.cleaned_data["quantity"]
        return 1 if quantity is None else quantity


class Returned(StrEnum):
    """How somebody came back from Stripe, where they did not say which checkout: by its way back, or just so."""

    CANCELLED = "cancelled"
    UNASKED = "unasked"


class SyncForm(forms.Form):
    """A checkout to look up in Stripe, and what the page that asks already knows."""

    session_id = forms.CharField(max_length=200)
    attempt = forms.IntegerField(min_value=0, max_value=1000, required=False)
    returned = forms.CharField(max_length=20, required=False)

    def clean_attempt(self) -> int:
        """How often the page has asked before."""
        attempt: int | None = self.cleaned_data["attempt"]
        return attempt or 0


class WithdrawalForm(forms.Form):
    """What the buyer was shown that they would give back and get, so that it is that or nothing."""

    credits = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    amount = forms.IntegerField(min_value=1, widget=forms.HiddenInput)


class RefundForm(WithdrawalForm):
    """Staff refund what a member has not spent of a purchase, and say why. What they were shown travels along."""

    reason = forms.CharField(max_length=200, help_text=REASON_HELP)


class HistoryForm(forms.Form):
    """What of the ledger somebody wants to see. In the address, so that it can be kept and sent on."""

    kind = forms.ChoiceField(
        required=False,
        label=_("Movements"),
        choices=[
            ("", _("All")),
            (Group.BOUGHT, _("Bought")),
            (Group.SPENT, _("Spent")),
            (Group.RETURNED, _("Refunds and disputes")),
            (Group.STAFF, _("By staff")),
        ],
    )
    days = forms.TypedChoiceField(
        required=False,
        label=_("Time"),
        coerce=int,
        empty_value=None,
        choices=[
            ("", _("Any time")),
            ("30", _("Last 30 days")),
            ("90", _("Last 90 days")),
            ("365", _("Last 365 days")),
        ],
    )

    @property
    def wanted(self) -> Wanted:
        """What a valid form asks for."""
        kind = self.cleaned_data["kind"]
        return Wanted(group=Group(kind) if kind else None, days=self.cleaned_data["days"])


class FindMembersForm(forms.Form):
    """Staff look for members by a part of their email or by an id, and for some of them. In the address."""

    q = forms.CharField(
        max_length=254,
        required=False,
        label=_("A part of the email, or an id"),
        help_text=_("Of the member, or in Stripe: cs_…, pi_… or cus_…"),
    )
    only = forms.ChoiceField(
        required=False,
        label=_("Show"),
        choices=[
            ("", _("All")),
            (Only.NEGATIVE, _("Below zero")),
            (Only.LOW, _("Few credits left")),
            (Only.NEVER_BOUGHT, _("Never bought")),
            (Only.DISPUTE, _("With a dispute")),
        ],
    )
    sort = forms.ChoiceField(
        required=False, choices=[(sort, sort) for sort in Sort], widget=forms.HiddenInput
    )
    after = forms.IntegerField(min_value=0, max_value=10_000_000, required=False, widget=forms.HiddenInput)

    @property
    def wanted(self) -> dict[str, Any]:
        """What a valid form asks for, as `find_members` takes it."""
        data = self.cleaned_data
        return {
            "q": data["q"],
            "only": Only(data["only"]) if data["only"] else None,
            "sort": Sort(data["sort"] or Sort.EMAIL),
            "after": data["after"] or 0,
        }


class MoveForm(forms.Form):
    """Staff move credits. It is an entry in the ledger, and says why.

    `balance` is the one that was shown, and `confirm` says that its preview was read. A move of more than
    `STAFF_TYPE_AGAIN_CREDITS` is typed a second time.
    """

    credits = forms.IntegerField(min_value=1, max_value=MOST_CREDITS, label=_("Credits"))
    reason = forms.CharField(max_length=200, help_text=REASON_HELP)
    request_id = forms.UUIDField(widget=forms.HiddenInput(attrs={"autocomplete": "off"}))
    balance = forms.IntegerField(required=False, widget=forms.HiddenInput)
    confirm = forms.BooleanField(required=False, widget=forms.HiddenInput)
    credits_again = forms.IntegerField(required=False, label=_("That is a lot. Type the number again"))

    @staticmethod
    def fresh() -> dict[str, object]:
        """What a form to fill in begins with: an id of its own."""
        return {"request_id": uuid4()}

    def moved_from(self, balance: int) -> int:
        """How many credits move."""
        credits: int = self.cleaned_data["credits"]
        return credits

    def is_large_on(self, balance: int) -> bool:
        """Whether the number is to be typed again."""
        limit: int = settings.STAFF_TYPE_AGAIN_CREDITS
        return self.moved_from(balance) > limit

    @property
    def is_confirmed(self) -> bool:
        """Whether its preview was read; says so where a number was not typed again."""
        balance = self.cleaned_data["balance"]
        if not self.cleaned_data["confirm"] or balance is None:
            return False
        if self.is_large_on(balance) and self.cleaned_data["credits_again"] != self.cleaned_data["credits"]:
            self.add_error("credits_again", _("Type the same number as before."))
            return False
        return True

    @property
    def decided(self) -> dict[str, Any]:
        """What was decided, as `move_credits` takes it."""
        data = self.cleaned_data
        return {
            "credits": data["credits"],
            "reason": data["reason"],
            "cause": data["request_id"],
            "seen": data["balance"],
        }

    def refuse(self, exc: OutOfCredits | RequestIdReused) -> None:
        """Say why it cannot be done as it was typed; where its id is used up, give it another."""
        if isinstance(exc, OutOfCredits):
            self.add_error(
                "credits", format_lazy(_("There are {balance}. Take at most that."), balance=exc.balance)
            )
            return
        self.add_error(
            None, _("This form has done something else before. Press the button again to do this.")
        )
        self.data = {**self.cleaned_data, "request_id": str(uuid4())}


class ResetForm(MoveForm):
    """Staff set a balance."""

    credits = forms.IntegerField(min_value=0, max_value=MOST_CREDITS, label=_("New balance"))

    def moved_from(self, balance: int) -> int:
        """How many credits move."""
        return abs(super().moved_from(balance) - balance)


class GrantManyForm(MoveForm):
    """Staff give the same to many members, by their emails or ids. What is large is the sum."""

    members = forms.CharField(
        max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 12}),
        help_text=format_lazy(_("Emails or ids of members, one a line; at most {most}."), most=MOST_MEMBERS),
    )
    field_order = ("members",)

    def clean_members(self) -> list[str]:
        """What was called, each once, in its order."""
        names = list(dict.fromkeys(re.split(r"[\s,;]+", self.cleaned_data["members"].strip())))
        if len(names) > MOST_MEMBERS:
            raise forms.ValidationError(
                format_lazy(
                    _("These are {number}. Send at most {most} at once."),
                    number=len(names),
                    most=MOST_MEMBERS,
                )
            )
        return names

    def clean_balance(self) -> int:
        """Nobody is asked to look at so many balances."""
        return 0

    def moved_from(self, balance: int) -> int:
        """How many credits move, in all."""
        return super().moved_from(balance) * len(self.cleaned_data["members"])


class GiveBackForm(forms.Form):
    """Staff give a spend back, and say why. `spend` is its key."""

    spend = forms.CharField(max_length=200, widget=forms.HiddenInput)
    reason = forms.CharField(max_length=200, help_text=REASON_HELP)
