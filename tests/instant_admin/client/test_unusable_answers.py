"""Instant answers 200 with something else than it documents: an `InstantError` for every call, and never a guess."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import responses

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.errors import InstantBroken, InstantBusy, InstantError
from instant_admin.client.protocol import read_date
from tests.instant_admin.client.wires import APP, ID, REFRESH, URI

USER = {"id": str(ID), "refresh_token": REFRESH}
LINK = {"forward-identity": ["x", "notes", "owner"], "reverse-identity": ["x", "$users", "notes"]}
SCHEMA = {"blobs": {"notes": {"text": {"unique?": False}}}, "refs": {"notesOwner": LINK}}
APP_PATH = f"superadmin/apps/{APP}"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the client, what Instant answers to it, and which fields of that must be as documented."""

    make: Callable[[InstantAdmin], object]
    path: str
    answer: dict[str, Any]
    uses: tuple[str, ...]


CALLS = {
    "a query": Call(
        lambda instant: instant.query({"notes": {}}), "admin/query", {"notes": [{}]}, ("notes", "notes.0")
    ),
    "a transaction": Call(lambda instant: instant.transact([]), "admin/transact", {"tx-id": 7}, ("tx-id",)),
    "a permission check": Call(
        lambda instant: instant.as_guest().may_transact([]),
        "admin/transact_perms_check",
        {"all-checks-ok?": True},
        ("all-checks-ok?",),
    ),
    "a code": Call(
        lambda instant: instant.magic_code("a@b.example"), "admin/magic_code", {"code": "123456"}, ("code",)
    ),
    "a code that is traded": Call(
        lambda instant: instant.verify_magic_code("a@b.example", "123456"),
        "admin/verify_magic_code",
        {"user": USER},
        ("user", "user.id", "user.refresh_token"),
    ),
    "a token": Call(
        lambda instant: instant.create_token(email="a@b.example"),
        "admin/refresh_tokens",
        {"user": USER},
        ("user", "user.id", "user.refresh_token"),
    ),
    "a schema": Call(
        InstantAdmin.schema,
        "admin/schema",
        {"schema": SCHEMA},
        (
            *("schema", "schema.blobs", "schema.blobs.notes", "schema.blobs.notes.text", "schema.refs"),
            *("schema.refs.notesOwner", "schema.refs.notesOwner.forward-identity"),
            "schema.refs.notesOwner.reverse-identity.1",
        ),
    ),
    "a plan": Call(
        lambda instant: instant.plan_schema({}),
        f"{APP_PATH}/schema/push/plan",
        {"steps": [["add-attr", {}]]},
        ("steps", "steps.0"),
    ),
    "background jobs": Call(
        lambda instant: instant.schema_jobs("x"),
        f"dash/apps/{APP}/indexing-jobs/group/x",
        {"jobs": [{"job_type": "index", "job_status": "completed"}]},
        ("jobs", "jobs.0"),
    ),
    "rules": Call(InstantAdmin.perms, f"{APP_PATH}/perms", {"perms": {}}, ("perms",)),
}
# Where nothing at all is an answer.
MAY_BE_EMPTY = ("a plan", "background jobs", "rules")
WRONG: tuple[Any, ...] = (7, "text", True, [7], {"x": 7}, float("inf"))


def ask(call: Call, instant: InstantAdmin, body: str) -> object:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        for method in ("GET", "POST"):
            wire.add(method, f"{URI}/{call.path}", body=body)
        return call.make(instant)


every_call = pytest.mark.parametrize("name", CALLS)


@every_call
def test_what_is_documented_can_be_read(instant: InstantAdmin, name: str) -> None:
    ask(CALLS[name], instant, json.dumps(CALLS[name].answer))


@every_call
@pytest.mark.parametrize("body", ["", "{}", "[]", "null", "7", '{"half":', "<html>", "[" * 100_000])
def test_an_answer_of_another_shape_is_told_as_one(instant: InstantAdmin, name: str, body: str) -> None:
    if body == "{}" and name in MAY_BE_EMPTY:
        assert not ask(CALLS[name], instant, body)
        return
    with pytest.raises(InstantError):
        ask(CALLS[name], instant, body)


@every_call
def test_a_field_of_another_type_is_told_as_nonsense(instant: InstantAdmin, name: str) -> None:
    for used in CALLS[name].uses:
        for wrong in WRONG:
            answer = copy.deepcopy(CALLS[name].answer)
            inner: Any = answer
            *outer, last = (int(part) if part.isdigit() else part for part in used.split("."))
            for part in outer:
                inner = inner[part]
            if type(inner[last]) is type(wrong):
                continue
            inner[last] = wrong
            with pytest.raises(InstantError):
                ask(CALLS[name], instant, json.dumps(answer))


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("a transaction", {"json": {"ok": True}}),
        ("a transaction", {"status": 302, "headers": {"Location": "http://elsewhere.test/"}}),
        ("a code that is traded", {"json": {"user": {"id": str(ID)}}}),
        ("a token", {"json": {"user": None}}),
        ("a token", {"json": {"user": USER | {"id": "ada"}}}),
    ],
)
def test_a_write_that_is_answered_with_nonsense_may_have_happened(
    wire: responses.RequestsMock, instant: InstantAdmin, name: str, answer: dict[str, Any]
) -> None:
    wire.post(f"{URI}/{CALLS[name].path}", **answer)
    with pytest.raises(InstantBroken) as raised:
        CALLS[name].make(instant)
    assert raised.value.may_have_been_written


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), "7", None, [], {}, 10**400])
def test_a_pause_that_is_none_is_not_kept(
    wire: responses.RequestsMock, instant: InstantAdmin, seconds: object
) -> None:
    body = {"type": "rate-limited", "hint": {"retry-after": seconds}}
    wire.post(f"{URI}/admin/query", status=429, json=body)
    with pytest.raises(InstantBusy) as raised:
        instant.query({})
    assert raised.value.refusal.retry_after_s is None


@pytest.mark.parametrize(
    "header",
    ["", "x", "Mon, 01 Jan 99999 00:00:00 GMT", f"Mon, 01 Jan {'9' * 30} 00:00:00 GMT", "1 Jan 1 99:99"],
)
def test_a_date_that_is_none_is_not_kept(header: str) -> None:
    assert read_date(header) is None
