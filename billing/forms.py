"""What the browser may say about buying: which pack and how many, never what it costs or is worth."""

from __future__ import annotations

from enum import StrEnum
from typing import Final
from uuid import UUID, uuid4

from django import forms

from billing.history import Group, Wanted
from credits_site.forms import KeptForm

MOST_PACKS_AT_ONCE: Final = 10


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
            "invalid": "Choose a whole number of packs.",
            "min_value": "Choose at least one pack.",
            "max_value": f"Choose at most {MOST_PACKS_AT_ONCE} packs at once.",
        },
    )
    request_id = forms.UUIDField(
        required=False, error_messages={"invalid": "This form is out of date. Press the button again."}
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


class HistoryForm(forms.Form):
    """What of the ledger somebody wants to see. In the address, so that it can be kept and sent on."""

    kind = forms.ChoiceField(
        required=False,
        label="Movements",
        choices=[
            ("", "All"),
            (Group.BOUGHT, "Bought"),
            (Group.SPENT, "Spent"),
            (Group.RETURNED, "Refunds and disputes"),
            (Group.STAFF, "By staff"),
        ],
    )
    days = forms.TypedChoiceField(
        required=False,
        label="Time",
        coerce=int,
        empty_value=None,
        choices=[("", "All"), ("30", "Last 30 days"), ("90", "Last 90 days"), ("365", "Last 365 days")],
    )

    @property
    def wanted(self) -> Wanted:
        """What a valid form asks for."""
        kind = self.cleaned_data["kind"]
        return Wanted(group=Group(kind) if kind else None, days=self.cleaned_data["days"])


class FindMembersForm(forms.Form):
    """Staff look for members by a part of their email."""

    q = forms.CharField(max_length=254, required=False, label="Email, or a part of it")


class ResetForm(KeptForm):
    """Staff set a balance. A reset is an entry in the ledger, and says why."""

    kept_as = "reset form"

    credits = forms.IntegerField(min_value=0, max_value=1_000_000, label="New balance")
    reason = forms.CharField(
        max_length=200, help_text="Kept in the member's history, where they can read it."
    )
    request_id = forms.UUIDField(widget=forms.HiddenInput(attrs={"autocomplete": "off"}))

    def renew_request_id(self) -> None:
        """Give the form another id, where the one it was sent with has set a balance."""
        self.data = {**self.cleaned_data, "request_id": str(uuid4())}

    @classmethod
    def of_member(cls, member_id: UUID) -> type[ResetForm]:
        """The form for one member: what was typed for another is kept apart."""
        return type(cls.__name__, (cls,), {"kept_as": f"{cls.kept_as} {member_id}"})

    @staticmethod
    def fresh() -> dict[str, object]:
        """What a form to fill in begins with: an id of its own."""
        return {"request_id": uuid4()}
