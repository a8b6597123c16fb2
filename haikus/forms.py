"""What a member says to have a haiku written."""

from __future__ import annotations

from typing import ClassVar, Final, Self
from uuid import uuid4

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from credits_site.forms import KeptForm
from haikus.blank import is_blank

LONGEST_TOPIC: Final = 80


class WriteHaikuForm(KeptForm):
    """A topic, and the id of this request: sent twice, it is one haiku and one credit.

    Kept, it is a draft: it survives paying, signing in and a lost answer, until its haiku is there.
    """

    kept_as = "draft"
    sent_to = "haikus:write"

    # Some to begin with, for whoever does not know what to type; in the language of the poems.
    topics_to_try: ClassVar[tuple[str, ...]] = (
        "first snow",
        "the night train",
        "a cat at noon",
        "old letters",
    )

    topic = forms.CharField(
        max_length=LONGEST_TOPIC, error_messages={"required": _("Give the haiku a topic.")}
    )
    request_id = forms.UUIDField(
        error_messages={
            "required": _(
                "The form came without its request_id, a UUID. Press the button again. "
                "A program sends an Idempotency-Key."
            ),
            "invalid": _("The form's request_id is no UUID. Press the button again."),
        }
    )

    def clean_topic(self) -> str:
        """A topic in which there is something to see, whichever generator is asked: one that takes time costs."""
        topic: str = self.cleaned_data["topic"]
        if is_blank(topic):
            raise forms.ValidationError(self.fields["topic"].error_messages["required"])
        return topic

    @classmethod
    def on_page(cls, request: HttpRequest) -> Self:
        """The draft, or a new form; with `?topic=`, which a topic to try leads to, on that one."""
        form = cls.recall(request.session, initial=cls.fresh())
        if topic := request.GET.get("topic"):
            form.initial["topic"] = topic[:LONGEST_TOPIC]
        return form

    @staticmethod
    def fresh() -> dict[str, object]:
        """What a form for the next haiku begins with: an id of its own."""
        return {"request_id": uuid4()}

    def renew_request_id(self) -> None:
        """Give the form another id, where the one it was sent with can never work."""
        self.data = {"topic": self.data.get("topic", ""), "request_id": str(uuid4())}
