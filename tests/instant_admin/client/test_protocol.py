"""What an answer of Instant's means, on plain values."""

import json
from typing import Any

import pytest

from instant_admin.client.errors import (
    InstantBroken,
    InstantBusy,
    InstantError,
    InstantRejected,
    MemberTokenRefused,
    NotUnique,
)
from instant_admin.client.protocol import (
    ADMIN,
    Call,
    Identity,
    member_by_email,
    member_by_token,
    read_answer,
    scrubbed,
)

TOKEN = "0f5c3a52-8a63-4d0e-9b39-4e1f6a7f0d11"


def call(*, effect: str = "each", identity: Identity = ADMIN) -> Call:
    return Call("POST", "/admin/transact", {}, identity=identity, effect=effect)  # type: ignore[arg-type]


def error(status: int, body: Any, **of_call: Any) -> InstantError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(InstantError) as raised:
        read_answer(call(**of_call), status, raw)
    return raised.value


def test_a_good_answer_is_its_json_object() -> None:
    assert read_answer(call(), 200, b'{"tx-id": 7}') == {"tx-id": 7}


CLASH = {"record-type": "triple", "etype": "creditEntries", "label": "slot", "value": '"x"'}
NAMELESS_CLASH = {"record-type": "triple", "attr-id": TOKEN}
DEADLOCK = {"type": "sql-exception", "hint": {"condition": "deadlock-detected"}}
UNKNOWN_MEMBER = {"type": "record-not-found", "hint": {"record-type": "app-user"}}
UNKNOWN_ADMIN = {"type": "record-not-found", "hint": {"record-type": "app-admin-token"}}


@pytest.mark.parametrize(
    ("status", "body", "kind", "doubt"),
    [
        *((200, body, InstantBroken, True) for body in (b"<html>", b"[1]", b'"text"', b'{"half":')),
        # From something in between: Instant's own refusals have a shape.
        (403, b"<html>blocked</html>", InstantBroken, True),
        (400, {"type": "record-not-unique", "hint": CLASH}, NotUnique, False),
        (400, {"type": "record-not-unique", "hint": NAMELESS_CLASH}, NotUnique, False),
        # Two requests that infer one attribute.
        (400, {"type": "record-not-unique", "hint": {"record-type": "ident"}}, InstantRejected, False),
        (400, UNKNOWN_ADMIN, InstantRejected, False),
        (400, UNKNOWN_MEMBER, InstantRejected, False),
        (429, {"type": "rate-limited", "hint": {"retry-after": 4}}, InstantBusy, False),
        # A statement that timed out is a 429 too, and may have been run.
        (429, {"type": "timeout", "hint": None}, InstantBroken, True),
        (500, DEADLOCK, InstantBroken, False),
    ],
)
def test_each_answer_that_is_not_good_is_an_error_that_says_whether_it_may_have_been_done(
    status: int, body: Any, kind: type[InstantError], doubt: bool
) -> None:
    exc = error(status, body)
    assert type(exc) is kind
    assert exc.may_have_been_written is doubt


def test_an_error_says_what_the_answer_did() -> None:
    clash = error(400, {"type": "record-not-unique", "hint": CLASH})
    assert isinstance(clash, NotUnique)
    assert (clash.refusal.etype, clash.refusal.label) == ("creditEntries", "slot")
    busy = error(429, {"type": "rate-limited", "hint": {"retry-after": 4}})
    assert isinstance(busy, InstantBusy)
    assert busy.refusal.retry_after_s == 4
    deadlock = error(500, DEADLOCK)
    assert isinstance(deadlock, InstantBroken)
    assert deadlock.is_deadlock


def test_an_unknown_member_is_told_from_an_unknown_admin_by_who_asked() -> None:
    for member in (member_by_token(TOKEN), member_by_email("ada@example.com")):
        assert isinstance(error(400, UNKNOWN_MEMBER, identity=member), MemberTokenRefused)


def test_a_member_without_an_email_is_nobody_and_not_the_admin() -> None:
    with pytest.raises(ValueError, match="without an email"):
        member_by_email("")


@pytest.mark.parametrize("status", [500, 502, 503, 504, 302])
def test_any_other_failure_leaves_doubt_about_a_write_and_none_about_a_read(status: int) -> None:
    assert error(status, b"bad gateway").may_have_been_written
    assert not error(status, b"bad gateway", effect="none").may_have_been_written


def test_no_token_code_or_email_of_the_hint_gets_into_an_error() -> None:
    hint = {
        "args": [{"app-id": TOKEN, "token": TOKEN, "code": "041527", "email": "ada@example.com"}],
        "record-type": "app-admin-token",
        "errors": [{"message": f"no {TOKEN} 041527 ada@example.com"}],
    }
    text = str(error(400, {"type": "record-not-found", "hint": hint, "message": TOKEN}))
    assert "record-not-found" in text
    for secret in (TOKEN, "041527", "ada@example.com"):
        assert secret not in text


def test_an_identity_does_not_show_its_token() -> None:
    assert TOKEN not in repr(call(identity=member_by_token(TOKEN)))


def test_what_looks_secret_is_struck_out_and_the_rest_stays() -> None:
    assert scrubbed(f"key {TOKEN.upper()} of per_abc123 for a.b+c@example.com: 123456 (42)") == (
        "key … of … for … … (42)"
    )
