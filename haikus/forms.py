"""What a member says to have a haiku written."""

from __future__ import annotations

from uuid import uuid4

from django import forms

from credits_site.forms import KeptForm


class WriteHaikuForm(KeptForm):
    """A topic, and the id of this request: sent twice, it is one haiku and one credit.

    Kept, it is a draft: it survives paying, signing in and a lost answer, until its haiku is there.
    """

    kept_as = "draft"
    sent_to = "haikus:write"

    topic = forms.CharField(max_length=80, error_messages={"required": "Give the haiku a topic."})
    request_id = forms.UUIDField(
        error_messages={
            "required": "The form came without its request_id, a UUID. Press the button again.",
            "invalid": "The form's request_id is no UUID. Press the button again.",
        }
    )

    @staticmethod
    def fresh() -> dict[str, object]:
        """What a form for the next haiku begins with: an id of its own."""
        return {"request_id": uuid4()}

    def renew_request_id(self) -> None:
        """Give the form another id, where the one it was sent with can never work."""
        self.data = {"topic": self.data.get("topic", ""), "request_id": str(uuid4())}
