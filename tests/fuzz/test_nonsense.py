"""Instant or Stripe answers 200 with nonsense: that is an outage, or the site goes on without."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from haikus.store import write_haiku
from haikus.undo import sealed
from instant_admin.ledger.movements import Reset
from sandbox.serving import Request, Response
from tests.drivers.deep import deep_but_for
from tests.drivers.signed_in import browser_of
from tests.drivers.wire import RawRequest
from tests.fuzz.door import Door, by, session_of

WRONG: tuple[Any, ...] = (None, 7, "text", [], {}, float("inf"))
BODIES = (b"", b"{}", b"[]", b"null", b"7", b'{"half":', b"<html>", b"[" * 100_000)
JSON = "application/json"
# The names of the fields that the site can use: every word of its code, and what Stripe's library reads by itself.
NAMES = {"object", "id", "data", "has_more", "url"} | {
    word
    for folder in ("accounts", "billing", "credits_site", "haikus", "instant_admin")
    for path in (settings.BASE_DIR / folder).rglob("*.py")
    for wanted in (r"\w+", r"[\w-]+")
    for word in re.findall(wanted, path.read_text())
}
Key = tuple[str, str]


class Deeds:
    """What somebody asks of the site, as requests that can be made again and again."""

    def __init__(self, door: Door, staff: Client) -> None:
        self._door = door
        self._ada = door.site.member("ada@example.com")
        self._bought, self._refunded = door.site.buy(self._ada), door.site.buy(self._ada)
        door.site.refund(self._refunded, 250)
        bodies = {json.loads(body)["type"]: body for body in door.site.events()}
        self._refund = bodies["charge.refunded"]
        door.site.store.post(self._ada.id, Reset(key="reset:deeds", credits=100_000, note="", actor=""))
        self._haiku = write_haiku(member=self._ada, topic="rain", request_id=uuid4()).haiku
        self._session = session_of(browser_of(self._ada))
        self._staff = session_of(staff)

    def home(self) -> RawRequest:
        return by(self._session, "GET", "/")

    def landing(self) -> RawRequest:
        return by(b"", "GET", "/")

    def counter(self) -> RawRequest:
        return by(self._session, "GET", "/api/credits", accept=JSON)

    def history(self) -> RawRequest:
        return by(self._session, "GET", "/history/")

    def haikus(self) -> RawRequest:
        return by(self._session, "GET", "/haikus/")

    def receipt(self) -> RawRequest:
        return by(self._session, "GET", f"/history/receipts/{self._bought}/")

    def write(self) -> RawRequest:
        form = {"topic": "rain", "request_id": str(uuid4())}
        return by(self._session, "POST", "/api/generate", form, accept=JSON)

    def write_again(self) -> RawRequest:
        request_id = uuid4()
        write_haiku(member=self._ada, topic="rain", request_id=request_id)
        form = {"topic": "rain", "request_id": str(request_id)}
        return by(self._session, "POST", "/api/generate", form, accept=JSON)

    def delete(self) -> RawRequest:
        haiku = write_haiku(member=self._ada, topic="rain", request_id=uuid4()).haiku
        return by(self._session, "POST", f"/haikus/{haiku.id}/delete/", accept=JSON)

    def haiku(self) -> RawRequest:
        return by(self._session, "GET", f"/haikus/{self._haiku.id}/", accept=JSON)

    def undo(self) -> RawRequest:
        form = {"token": sealed(self._ada, self._haiku)}
        return by(self._session, "POST", "/haikus/undo/", form, accept=JSON)

    def buy(self) -> RawRequest:
        return by(self._session, "POST", "/api/stripe/checkout", {"request_id": str(uuid4())}, accept=JSON)

    def buy_first(self) -> RawRequest:
        session = session_of(browser_of(self._door.site.member()))
        return by(session, "POST", "/api/stripe/checkout", {"request_id": str(uuid4())}, accept=JSON)

    def sync(self) -> RawRequest:
        return by(self._session, "POST", "/api/stripe/sync", {"session_id": self._refunded}, accept=JSON)

    def webhook(self) -> RawRequest:
        return self._door.webhook(self._refund)

    def find(self) -> RawRequest:
        return by(self._staff, "GET", "/admin/billing/member/?q=ada")

    def look(self) -> RawRequest:
        return by(self._staff, "GET", f"/admin/billing/member/{self._ada.id}/change/")

    def reset(self) -> RawRequest:
        form = {"credits": "100000", "reason": "Goodwill", "request_id": str(uuid4()), "confirm": "1"}
        form["balance"] = str(self._door.site.credits(self._ada))
        return by(self._staff, "POST", f"/admin/billing/member/{self._ada.id}/reset/", form)

    def give_back(self) -> RawRequest:
        key = next(entry.key for entry in self._door.site.entries(self._ada) if entry.kind == "spend")
        return by(self._staff, "GET", f"/admin/billing/member/{self._ada.id}/give-back/?spend={key}")

    def give_many(self) -> RawRequest:
        form = {"credits": "1", "reason": "Goodwill", "request_id": str(uuid4()), "confirm": "1"}
        return by(self._staff, "POST", "/admin/billing/member/grant/", form | {"members": self._ada.email})

    def totals(self) -> RawRequest:
        return by(self._staff, "GET", "/admin/billing/member/totals/")

    def front_page(self) -> RawRequest:
        return by(self._staff, "GET", "/admin/")

    def check(self) -> RawRequest:
        return by(self._staff, "POST", f"/admin/billing/member/{self._ada.id}/check/")

    def sign_in(self) -> RawRequest:
        return by(b"", "POST", "/sign-in/", {"email": "zoe@example.com"})

    def readyz(self) -> RawRequest:
        return by(b"", "GET", "/readyz")


DEEDS = [name for name in vars(Deeds) if not name.startswith("_")]


def key_of(request: Request) -> Key:
    """A call, whatever it is about."""
    return request.method, re.sub(r"[a-z]{2,3}_[A-Za-z0-9_]{8,}|[0-9a-f-]{36}", "*", request.path)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every field of an answer that the site can use, of lists only the first."""
    if path and (isinstance(path[-1], int) or path[-1] in NAMES):
        yield path
    inner = (
        value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    )
    for name, each in inner:
        yield from places(each, (*path, name))


def put(answer: Any, path: tuple[Any, ...], wrong: Any) -> bytes:
    """The answer with something wrong in one place, or as it is where it has no such place."""
    changed = copy.deepcopy(answer)
    inner = changed
    try:
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]]
        inner[path[-1]] = wrong
    except (KeyError, IndexError, TypeError):
        return json.dumps(answer).encode()
    return json.dumps(changed).encode()


def told(door: Door, deed: Callable[[], RawRequest], change: Callable[[Request, Response], bytes]) -> int:
    """The status of a deed while `change` makes what Instant and Stripe answer."""
    sent = deed()
    cache.clear()
    door.site.tamper = lambda request, answer: replace(answer, body=change(request, answer))
    try:
        return door.ask(sent).status
    finally:
        door.site.tamper = lambda request, answer: answer


def answers_to(door: Door, deed: Callable[[], RawRequest]) -> dict[Key, Any]:
    """What Instant and Stripe answer to a deed, each call once."""
    found: dict[Key, Any] = {}

    def note(request: Request, answer: Response) -> bytes:
        if answer.status == 200:
            found.setdefault(key_of(request), json.loads(answer.body))
        return answer.body

    assert told(door, deed, note) < 400
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", deep_but_for(8, DEEDS))
def test_an_answer_that_is_none_is_an_outage_or_done_without(door: Door, staff: Client, name: str) -> None:
    deed = getattr(Deeds(door, staff), name)
    for key in answers_to(door, deed):
        for body in BODIES:
            status = told(door, deed, lambda request, answer: body if key_of(request) == key else answer.body)  # noqa: B023
            assert status in (200, 201, 302, 303, 503), (key, body)


@pytest.mark.deep
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", DEEDS)
def test_a_field_of_another_type_is_an_outage_or_done_without(door: Door, staff: Client, name: str) -> None:
    deed = getattr(Deeds(door, staff), name)
    for key, whole in answers_to(door, deed).items():
        for path in places(whole):
            for wrong in WRONG:

                def change(request: Request, answer: Response) -> bytes:
                    if key_of(request) != key or answer.status != 200:  # noqa: B023
                        return answer.body
                    return put(json.loads(answer.body), path, wrong)  # noqa: B023

                status = told(door, deed, change)
                assert status in (200, 201, 302, 303, 402, 404, 409, 422, 503), (key, path, wrong)
