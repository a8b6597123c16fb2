"""Garbage is nobody's outage: whatever is sent, by whomever, is answered below 500, and no service is blamed."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from haikus.store import write_haiku
from instant_admin.ledger.movements import Reset
from tests.drivers.deep import deep_but_for
from tests.drivers.signed_in import browser_of
from tests.drivers.stripe_api import WARNED
from tests.drivers.wire import RawRequest
from tests.fuzz.door import Door, by, session_of
from tests.fuzz.garbage import json_values, requests

# What a page shows of what was sent before is looked at too, as the last request of each example.
PAGES = ("/", "/sign-in/", "/history/", "/haikus/", "/admin/")
REQUESTS_PER_EXAMPLE = 10
SENT = REQUESTS_PER_EXAMPLE - 1


def quietly(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


def fuzz(door: Door, staff: Client, *, examples: int) -> None:
    ada = door.site.member("ada@example.com")
    checkout_id = door.site.buy(ada, card=WARNED)
    door.site.deliver_all()
    door.site.store.post(ada.id, Reset(key="reset:fuzz", credits=1_000_000, note="", actor=""))
    haiku = write_haiku(member=ada, topic="rain", request_id=uuid4()).haiku
    waiting = Client()
    waiting.post("/sign-in/", {"email": "zoe@example.com"})
    known = (str(ada.id), str(haiku.id), checkout_id, "auth", "user", "1")
    sessions = (b"", *map(session_of, (browser_of(ada), staff, waiting)))

    @quietly(examples)
    @given(
        st.lists(requests(known, sessions), min_size=SENT, max_size=SENT),
        st.sampled_from(sessions),
        st.sampled_from(PAGES),
    )
    def no_request_is_an_error_of_ours(sent: list[RawRequest], viewer: bytes, page: str) -> None:
        with transaction.atomic():
            for each in (*sent, by(viewer, "GET", page)):
                door.check(each)
            transaction.set_rollback(True)
        mail.outbox.clear()

    no_request_is_an_error_of_ours()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("requests", deep_but_for(1, [250, 50_000]))
def test_no_request_is_an_error_of_ours(door: Door, staff: Client, requests: int) -> None:
    fuzz(door, staff, examples=requests // REQUESTS_PER_EXAMPLE)


def _events(event: dict[str, Any]) -> st.SearchStrategy[Any]:
    """A real event with anything in the place of anything."""
    about = event["data"]["object"]
    places = [
        (),
        *((name,) for name in event),
        ("data", "object"),
        *(("data", "object", name) for name in about),
    ]

    def changed(place: tuple[str, ...], value: Any) -> Any:
        if not place:
            return value
        whole = json.loads(json.dumps(event))
        inner = whole
        for name in place[:-1]:
            inner = inner[name]
        inner[place[-1]] = value
        return whole

    return st.builds(changed, st.sampled_from(places), json_values())


@pytest.mark.slow
@pytest.mark.parametrize("examples", deep_but_for(1, [200, 500]))
def test_no_signed_webhook_is_an_error_of_ours(door: Door, examples: int) -> None:
    door.site.refund(door.site.buy(door.site.member(), card=WARNED), 500)
    events = [json.loads(body) for body in door.site.events()]

    @quietly(examples)
    @given(st.sampled_from(events).flatmap(_events))
    def no_event_is_an_error_of_ours(event: Any) -> None:
        door.check(door.webhook(json.dumps(event).encode()))

    no_event_is_an_error_of_ours()
