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
from instant_admin.client.protocol import ADMIN, Call, Identity, member_by_token, read_answer, scrubbed

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


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b'"text"', b'{"half":'])
def test_an_answer_that_is_no_json_object_is_broken_and_leaves_doubt(body: bytes) -> None:
    exc = error(200, body)
    assert isinstance(exc, InstantBroken)
    assert exc.may_have_been_written


def test_a_unique_clash_names_its_attribute_and_wrote_nothing() -> None:
    hint = {"record-type": "triple", "etype": "creditEntries", "label": "slot", "value": '"x"'}
    exc = error(400, {"type": "record-not-unique", "hint": hint})
    assert isinstance(exc, NotUnique)
    assert (exc.refusal.etype, exc.refusal.label) == ("creditEntries", "slot")
    assert not exc.may_have_been_written


def test_a_unique_clash_without_names_is_a_clash_all_the_same() -> None:
    exc = error(400, {"type": "record-not-unique", "hint": {"record-type": "triple", "attr-id": TOKEN}})
    assert isinstance(exc, NotUnique)


def test_two_requests_that_infer_one_attribute_are_no_unique_clash() -> None:
    exc = error(400, {"type": "record-not-unique", "hint": {"record-type": "ident"}})
    assert type(exc) is InstantRejected


def test_rate_limited_means_not_run() -> None:
    exc = error(429, {"type": "rate-limited", "hint": {"retry-after": 4}})
    assert isinstance(exc, InstantBusy)
    assert exc.refusal.retry_after_s == 4
    assert not exc.may_have_been_written


def test_a_timed_out_statement_is_a_429_too_and_leaves_doubt() -> None:
    exc = error(429, {"type": "timeout", "hint": None})
    assert isinstance(exc, InstantBroken)
    assert exc.may_have_been_written


def test_a_deadlock_is_known_to_have_written_nothing() -> None:
    exc = error(500, {"type": "sql-exception", "hint": {"condition": "deadlock-detected"}})
    assert isinstance(exc, InstantBroken)
    assert exc.is_deadlock
    assert not exc.may_have_been_written


@pytest.mark.parametrize("status", [500, 502, 503, 504, 302])
def test_any_other_failure_leaves_doubt_about_a_write_and_none_about_a_read(status: int) -> None:
    assert error(status, b"bad gateway").may_have_been_written
    assert not error(status, b"bad gateway", effect="none").may_have_been_written


def test_a_4xx_that_is_not_in_instants_shape_comes_from_something_in_between() -> None:
    exc = error(403, b"<html>blocked</html>")
    assert isinstance(exc, InstantBroken)
    assert exc.may_have_been_written


def test_an_unknown_member_token_is_told_from_an_unknown_admin_token() -> None:
    unknown_user = {"type": "record-not-found", "hint": {"record-type": "app-user"}}
    assert isinstance(error(400, unknown_user, identity=member_by_token(TOKEN)), MemberTokenRefused)
    assert type(error(400, unknown_user)) is InstantRejected
    unknown_admin = {"type": "record-not-found", "hint": {"record-type": "app-admin-token"}}
    assert type(error(400, unknown_admin)) is InstantRejected


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
