"""What a member says to have a haiku written."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

from django import forms

LONGEST_TOPIC: Final = 80


class WriteHaikuForm(forms.Form):
    """A topic, and the id of this request: sent twice, it is one haiku and one credit."""

    topic = forms.CharField(
        max_length=LONGEST_TOPIC,
        error_messages={
            "required": "Give the haiku a topic.",
            "max_length": f"A topic has at most {LONGEST_TOPIC} characters.",
        },
    )
    request_id = forms.UUIDField(
        error_messages={
            "required": "The form came without its request_id, a UUID. Press the button again.",
            "invalid": "The form's request_id is no UUID. Press the button again.",
        }
    )

    @classmethod
    def blank(cls) -> WriteHaikuForm:
        """A form for the next haiku, with an id of its own."""
        return cls(initial={"request_id": uuid4()})

    def renew_request_id(self) -> None:
        """Give the form another id, where the one it was sent with can never work."""
        self.data = {"topic": self.data.get("topic", ""), "request_id": str(uuid4())}
