"""Which webhook requests are believed."""

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import stripe

from billing.errors import BadWebhook
from billing.stripe_api import webhooks

SECRET = "whsec_for_this_test"
BAD = "Bad signature, or too old"


@pytest.fixture(autouse=True)
def _secret(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]


def event(**changes: Any) -> bytes:
    body = {
        "id": "evt_1",
        "object": "event",
        "type": "checkout.session.completed",
        "livemode": False,
        "created": 1_800_000_000,
        "data": {"object": {"id": "cs_test_1"}},
    }
    return json.dumps(body | changes).encode()


def signed(body: bytes, *, secret: str = SECRET, age_s: int = 0) -> str:
    at = int(time.time()) - age_s
    return str(stripe.WebhookSignature.generate_signature_header(body.decode(), secret, timestamp=at))


def test_a_signed_event_is_a_hint_and_nothing_more() -> None:
    body = event()
    found = webhooks.verified(body, signed(body))
    assert (found.type, found.object_id, found.livemode) == ("checkout.session.completed", "cs_test_1", False)


def test_while_a_secret_is_rolled_the_old_and_the_new_one_are_both_believed(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_old", "whsec_new"]
    body = event()
    for secret in ("whsec_old", "whsec_new"):
        assert webhooks.verified(body, signed(body, secret=secret)).id == "evt_1"
    with pytest.raises(BadWebhook):
        webhooks.verified(body, signed(body, secret="whsec_older"))


def test_a_signature_by_both_secrets_is_believed_by_whoever_knows_one() -> None:
    body = event()
    both = signed(body, secret="whsec_new") + "," + signed(body).partition(",")[2]
    assert webhooks.verified(body, both).id == "evt_1"


@pytest.mark.parametrize(
    ("body", "sign", "reason"),
    [
        (event(), lambda body: None, "No signature"),
        (event(), lambda body: "", "No signature"),
        (event(), lambda body: "t=1,v1=00", BAD),
        (event(), lambda body: "nonsense", BAD),
        (event(), partial(signed, secret="whsec_of_another_endpoint"), BAD),
        (event(), partial(signed, age_s=301), BAD),
        (event(), lambda body: signed(event(id="evt_2")), BAD),
        (b"not json", signed, "Not JSON"),
        *((body, signed, "Not an event") for body in (b"[]", b"3", b'{"id": "evt_1"}')),
    ],
    ids=[
        *("none", "empty", "forged", "malformed", "foreign", "old", "of another body"),
        *("no json", "a list", "a number", "no type"),
    ],
)
def test_what_stripe_did_not_just_sign_or_is_no_event_is_refused(
    body: bytes, sign: Callable[[bytes], str | None], reason: str
) -> None:
    with pytest.raises(BadWebhook) as raised:
        webhooks.verified(body, sign(body))
    assert raised.value.reason == reason


def test_without_a_secret_nothing_is_believed_because_anyone_can_sign_with_an_empty_one(
    settings: Any,
) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = [""]
    with pytest.raises(BadWebhook, match="no signing secret"):
        webhooks.verified(event(), signed(event(), secret=""))


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 100_000, b"\0"])
def test_a_signed_body_that_no_reader_bears_is_refused(body: bytes) -> None:
    with pytest.raises(BadWebhook, match="Not JSON"):
        webhooks.verified(body, signed(body))


@pytest.mark.parametrize("signature", ["t=1,v1=\xe9", "t=\xb2,v1=00", f"t={'9' * 5000},v1=00"])
def test_a_signature_of_odd_characters_is_refused(signature: str) -> None:
    with pytest.raises(BadWebhook, match="Bad signature"):
        webhooks.verified(event(), signature)


def test_a_payment_that_comes_whole_is_known_by_its_id() -> None:
    body = event(
        data={"object": {"id": "re_1", "payment_intent": {"id": "pi_1", "object": "payment_intent"}}}
    )
    assert webhooks.verified(body, signed(body)).payment_intent_id == "pi_1"


@pytest.mark.parametrize(
    "wrong",
    [
        *(
            {"id": 7},
            {"type": None},
            {"livemode": "false"},
            {"created": "now"},
            {"data": []},
            {"data": {"object": "re_1"}},
        ),
        *({"data": {"object": {"id": []}}}, {"data": {"object": {"id": "re_1", "payment_intent": 7}}}),
    ],
)
def test_a_field_of_another_type_makes_it_no_event(wrong: dict[str, Any]) -> None:
    body = event(**wrong)
    with pytest.raises(BadWebhook, match="Not an event"):
        webhooks.verified(body, signed(body))
