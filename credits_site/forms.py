"""A form that outlives the request that sent it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self
from uuid import UUID, uuid5

from django import forms
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import NON_FIELD_ERRORS, BadRequest
from django.http import HttpRequest

from credits_site.answers import wants_json

# Characters kept of a field. Anybody may send megabytes, and a session is a row in the database.
MOST_KEPT: Final = 1000
# An `Idempotency-Key` that is no UUID becomes one under this, always the same.
_IDEMPOTENCY_KEYS: Final = UUID("6b1f4a0e-6f3c-4f0c-9a55-2c8f0f7f0b8d")


class KeptForm(forms.Form):
    """A form that the session keeps, since the answer to a plain POST is a redirect: what was typed stands again.

    What was wrong with it is shown once, what was typed until `forget`.
    """

    kept_as: ClassVar[str]
    # The name of the view that it is sent to, so that a stale one is kept too.
    sent_to: ClassVar[str | None] = None
    # What is not for keeping, such as a secret.
    never_kept: ClassVar[tuple[str, ...]] = ()

    _wrong: dict[str, list[str]] | None = None

    @classmethod
    def sent(cls, request: HttpRequest) -> Self:
        """The form as it was sent. What a person typed is kept at once, because an outage may follow."""
        form = cls(_sent(request))
        if not wants_json(request):
            form.keep(request.session)
        return form

    @staticmethod
    def keep_stale(request: HttpRequest) -> None:
        """Keep what was typed into a form that no view will see."""
        view = request.resolver_match and request.resolver_match.view_name
        for form in KeptForm.__subclasses__():
            if form.sent_to is not None and form.sent_to == view:
                form.sent(request)

    def keep(self, session: SessionBase) -> None:
        """Keep what was typed."""
        self._keep(session, wrong={})

    def keep_with_errors(self, session: SessionBase) -> None:
        """Keep what was typed, and what is wrong with it, for the next page to say."""
        self._keep(session, wrong={name: [*map(str, found)] for name, found in self.errors.items()})

    def _keep(self, session: SessionBase, *, wrong: dict[str, list[str]]) -> None:
        names = [name for name in self.fields if name not in self.never_kept]
        typed = {name: str(self[name].value() or "")[:MOST_KEPT] for name in names}
        session[self.kept_as] = {"typed": typed, "wrong": wrong}

    @classmethod
    def recall(cls, session: SessionBase, *, initial: dict[str, Any] | None = None) -> Self:
        """The form that was kept last, or a new one; `initial` is for fields of which nothing was kept."""
        kept = session.get(cls.kept_as) or {"typed": {}, "wrong": {}}
        form = cls(initial=(initial or {}) | {name: value for name, value in kept["typed"].items() if value})
        if kept["wrong"]:
            form._wrong = kept["wrong"]
            session[cls.kept_as] = kept | {"wrong": {}}
        return form

    @classmethod
    def forget(cls, session: SessionBase) -> None:
        """It has done its work."""
        session.pop(cls.kept_as, None)

    def full_clean(self) -> None:
        """Check it, or say again what was wrong."""
        super().full_clean()
        if self._wrong is not None:
            self.cleaned_data = {}
            for name, found in self._wrong.items():
                self.add_error(None if name == NON_FIELD_ERRORS else name, found)


def _sent(request: HttpRequest) -> Mapping[str, Any]:
    """What a form was filled in with: by a browser, or by a program, which may send JSON.

    An `Idempotency-Key` counts as the `request_id`, whatever else is sent as one.
    """
    sent = _json_in(request) if request.content_type == "application/json" else request.POST.dict()
    key = request.headers.get("Idempotency-Key")
    return sent if key is None else sent | {"request_id": _request_id(key)}


def _json_in(request: HttpRequest) -> dict[str, str]:
    """The texts and numbers of a body of JSON. Raises `BadRequest`."""
    try:
        sent = json.loads(request.body)
        named = {name: str(value) for name, value in sent.items() if isinstance(value, str | int)}
        "".join(named.values()).encode()  # half a character is none
    except (ValueError, AttributeError, RecursionError) as exc:
        raise BadRequest("no JSON object") from exc
    return named


def _request_id(key: str) -> str:
    """The id that a key stands for. Source: draft-ietf-httpapi-idempotency-key-header, which puts it in quotes."""
    text = key.strip().removeprefix('"').removesuffix('"')
    try:
        return str(UUID(text))
    except ValueError:
        return str(uuid5(_IDEMPOTENCY_KEYS, text)) if text else ""
