"""The check against Stripe's description finds what is wrong, and passes what is right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.stripe.__main__ import main
from tests.contract.stripe.description import Description, older_path, read, slice_path
from tests.contract.stripe.form import decode, typed
from tests.contract.stripe.openapi_check import OUTSIDE, UNDESCRIBED, OpenApiCheck

SLICE, OLDER = slice_path(), older_path()

DELETED = {"id": "cus_1", "object": "customer", "deleted": True}
REFUND: dict[str, Any] = {
    "id": "re_1",
    "object": "refund",
    "amount": 500,
    "balance_transaction": None,
    "charge": "ch_1",
    "customer": None,
    "customer_account": None,
    "created": 1_790_000_000,
    "currency": "usd",
    "metadata": {},
    "payment_intent": "pi_1",
    "payment_method": None,
    "reason": None,
    "receipt_number": None,
    "source_transfer_reversal": None,
    "status": "succeeded",
    "transfer_reversal": None,
}
EVENT: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "api_version": "2026-10-28.endive",
    "created": 1_790_000_000,
    "data": {"object": REFUND},
    "livemode": False,
    "pending_webhooks": 1,
    "request": None,
    "type": "refund.created",
}


def exchange(call: str, answer: dict[str, Any], *, form: str = "", status: int = 200) -> dict[str, Any]:
    """A line of a recording."""
    method, address = call.split()
    return {"method": method, "address": address, "form": form, "status": status, "answer": answer}


def a_list(*items: dict[str, Any]) -> dict[str, Any]:
    return {"object": "list", "data": list(items), "has_more": False, "url": "/v1/refunds"}


def faults(line: dict[str, Any], slice_: Description, older: Description | None = None) -> list[str]:
    """The faults of one line."""
    check = OpenApiCheck(slice_, older)
    check.check(line)
    return list(check.faults)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in REFUND.items() if key != name}


@pytest.fixture
def described() -> Description:
    """By the slice of the version that we speak."""
    if SLICE is None:
        pytest.skip("Stripe's OpenAPI slice is not here")
    return read(SLICE)


WANTED = "payment_intent=pi_1&amount=500&metadata[a]=1&expand[0]=charge"
LISTED = "limit=3&created%5Bgte%5D=1790000000&expand%5B0%5D=data.charge"
REFUSAL = {"error": {"type": "invalid_request_error"}}
BROKEN_EVENT = EVENT | {"data": {"object": without("currency")}}
TREASURE = {"id": "tr_1", "object": "treasure"}


@pytest.mark.parametrize(
    "line",
    [
        exchange("POST refunds", REFUND, form=WANTED),
        exchange("GET refunds", a_list(REFUND), form=LISTED),
        exchange("GET refunds", a_list()),
        exchange("DELETE customers/*", DELETED),
        exchange("GET customers/*", DELETED),
        exchange("GET foo", REFUSAL, status=404),
        # What was refused may have been wrong on purpose.
        exchange("POST refunds", REFUSAL, form="colour=red", status=400),
        {"webhook": EVENT},
        # Outside of the slice, and named in the table.
        exchange("POST refunds/*", REFUND),
        exchange("GET coupons", a_list()),
    ],
    ids=lambda line: f"{line.get('method', 'webhook')} {line.get('address', '')}",
)
def test_what_is_as_stripe_describes_it_has_no_faults(described: Description, line: dict[str, Any]) -> None:
    assert faults(line, described) == []


@pytest.mark.parametrize(
    ("call", "answer", "status", "fault"),
    [
        ("GET refunds/*", REFUND | {"amount": "5.00"}, 200, '$.amount: "5.00" is not of type "integer"'),
        ("GET refunds/*", without("currency"), 200, '$: "currency" is a required property'),
        ("GET refunds/*", without("reason"), 200, "$.reason is never absent"),
        ("GET refunds", a_list(REFUND, without("reason")), 200, "$.data[].reason is never absent"),
        ("GET refunds", a_list() | {"url": None}, 200, '$.url: null is not of type "string"'),
        ("DELETE customers/*", DELETED | {"deleted": False}, 200, "$.deleted: false is not one of true"),
        ("GET refunds/*", {"error": {"type": "x"}}, 404, '$.error.type: "x" is not one of '),
        ("GET refunds/*", {"message": "Not found"}, 404, '$: "error" is a required property'),
        # An event leaves its object open, which is checked by its kind.
        ("GET events/*", BROKEN_EVENT, 200, 'refund $: "currency" is a required property'),
        # Outside of the slice, what is not in the table is a fault.
        ("GET treasures/*", REFUND, 200, "is no call that the slice knows"),
        ("GET coupons", a_list() | {"total": 0}, 200, "is no list as Stripe sends them"),
        ("POST refunds/*", TREASURE, 200, "sends an object that the slice does not know: treasure"),
    ],
)
def test_a_broken_answer_is_found(
    described: Description, call: str, answer: dict[str, Any], status: int, fault: str
) -> None:
    (found,) = faults(exchange(call, answer, status=status), described)
    assert found.startswith(fault)


@pytest.mark.parametrize(
    ("call", "form", "fault"),
    [
        ("POST refunds", "payment_intents=pi_1", "$: Additional properties are not allowed"),
        ("POST refunds", "amount=5.00", '$.amount: "5.00" is not of type "integer"'),
        ("POST refunds", "reason=because", '$.reason: "because" is not one of'),
        ("POST refunds", "expand=charge", '$.expand: "charge" is not of type "array"'),
        ("GET refunds", "limit=ten", '$.limit: "ten" is not of type "integer"'),
        ("GET refunds", "colour=red", "$: Additional properties are not allowed"),
        ("GET refunds", "created[since]=1790000000", "$.created: "),
    ],
)
def test_a_broken_request_is_found(described: Description, call: str, form: str, fault: str) -> None:
    answer = a_list(REFUND) if call.startswith("GET") else REFUND
    (found,) = faults(exchange(call, answer, form=form), described)
    assert found.startswith(fault)


def test_the_object_of_a_webhook_is_checked_by_its_kind(described: Description) -> None:
    assert faults({"webhook": BROKEN_EVENT}, described) == ['refund $: "currency" is a required property']


@pytest.mark.parametrize(("kind", "is_right"), [("invoice", True), ("charge", False)])
def test_what_the_slice_does_not_expand_is_known_by_its_kind(
    described: Description, kind: str, is_right: bool
) -> None:
    session = exchange("GET checkout/sessions/*", {"invoice": {"id": "in_1", "object": kind}})
    found = faults(session, described)
    assert any(fault.startswith("$.invoice.object: ") for fault in found) is not is_right


@pytest.mark.skipif(OLDER is None, reason="stripe-mock's source is not here")
def test_a_call_outside_of_the_slice_is_checked_against_the_older_description(described: Description) -> None:
    assert OLDER is not None
    older, gone = read(OLDER), {"id": "SPRING", "object": "coupon", "deleted": True}
    assert faults(exchange("DELETE coupons/*", gone), described, older) == []
    broken = exchange("DELETE coupons/*", gone | {"id": 7})
    assert faults(broken, described, older) == ['deleted_coupon $.id: 7 is not of type "string"']
    (found,) = faults(exchange("POST refunds/*", REFUND, form="amount=1"), described, older)
    assert found.startswith("$: Additional properties are not allowed ('amount'")


def test_an_exception_that_nothing_needs_is_told(described: Description) -> None:
    check = OpenApiCheck(described)
    assert set(check.unused()) >= OUTSIDE | set(UNDESCRIBED)
    check.check(exchange("POST refunds/*", REFUND))
    assert "POST refunds/*" not in check.unused()


# The command


@pytest.mark.usefixtures("described")
def test_a_recording_of_nothing_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.startswith("Nothing was recorded")


@pytest.mark.usefixtures("described")
def test_a_fault_is_told_with_its_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = json.dumps(exchange("GET refunds/*", without("reason")))
    (tmp_path / "1.jsonl").write_text(f"{line}\n{line}\n")
    assert main([str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "FAULT   GET refunds/*: $.reason is never absent" in out
    assert "1 shapes of 1 calls checked, 1 faults" in out


def test_without_the_slice_nothing_is_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_OPENAPI_SLICE", str(tmp_path / "nowhere.json"))
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("Skipped")


def test_a_form_is_read_by_its_brackets() -> None:
    assert decode("a[0][b]=1&a[1][b]=&c=2+3&d[]=x&d[]=y&e%5Bgte%5D=5") == {
        "a": {"0": {"b": "1"}, "1": {"b": ""}},
        "c": "2 3",
        "d": {"0": "x", "1": "y"},
        "e": {"gte": "5"},
    }


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("7", {"type": "integer"}, 7),
        ("7_0", {"type": "integer"}, "7_0"),
        ("12.5", {"type": "number"}, 12.5),
        ("true", {"type": "boolean"}, True),
        ("yes", {"type": "boolean"}, "yes"),
        ("7", {"type": "string"}, "7"),
        ({"2": "b", "0": "a", "10": "c"}, {"type": "array", "items": {"type": "string"}}, ["a", "b", "c"]),
        ({"k": "1"}, {"type": "object", "additionalProperties": {"type": "integer"}}, {"k": 1}),
        ("", {"anyOf": [{"type": "object"}, {"type": "string", "enum": [""]}]}, ""),
        ("5", {"anyOf": [{"type": "object"}, {"type": "integer"}]}, 5),
    ],
)
def test_a_text_becomes_what_is_asked_for_where_it_can(text: Any, schema: dict[str, Any], value: Any) -> None:
    assert typed(text, schema) == value
