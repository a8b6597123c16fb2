"""Checks what a Stripe stand-in was asked and answered against Stripe's own descriptions of its API.

The slice is used where it describes the call. Calls outside of it are named here, and checked against the older
description if that is there: an object of an answer against the newest description that knows its kind.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sandbox.recording import shape_of, shape_of_exchange
from tests.contract.stripe.description import Description, Operation

SUCCESS: Final = range(200, 300)
ENVELOPE: Final = {"object", "data", "has_more", "url"}
# The slice has the twenty paths that a shop needs. The stand-in has these too.
OUTSIDE: Final = frozenset(
    {
        "GET balance_transactions/*",
        "GET charges",
        "GET coupons",
        "GET coupons/*",
        "POST coupons/*",
        "DELETE coupons/*",
        "GET disputes",
        "GET disputes/*",
        "POST disputes/*",
        "POST disputes/*/close",
        "GET invoices",
        "GET invoices/*",
        "GET invoices/*/lines",
        "GET payment_intents",
        "GET prices",
        "POST prices/*",
        "GET products",
        "GET products/*",
        "POST products/*",
        "GET promotion_codes",
        "GET promotion_codes/*",
        "POST promotion_codes/*",
        "GET radar/early_fraud_warnings",
        "GET radar/early_fraud_warnings/*",
        "POST refunds/*",
        "POST refunds/*/cancel",
        "GET tax/settings",
        "POST tax/settings",
        "GET webhook_endpoints/*",
        "POST webhook_endpoints/*",
    }
)
# Kinds of object that the slice does not describe, and why they are sent all the same.
UNDESCRIBED: Final[Mapping[str, str]] = {
    "deleted_coupon": "the slice has no call that deletes a coupon",
    "invoice": "the slice has no call that answers with an invoice, which is the receipt of a purchase",
    "radar.early_fraud_warning": "the slice has no call that answers with a warning of a bank",
    "tax.settings": "the slice has no call about Stripe Tax",
    "line_item": "what an invoice consists of",
}


@dataclass(slots=True)
class OpenApiCheck:
    """Checks lines of a recording one by one, and keeps the faults that it found."""

    slice: Description
    older: Description | None = None
    checked: Counter[str] = field(default_factory=Counter)
    # Each fault, and where it was found first.
    faults: dict[str, str] = field(default_factory=dict)
    _exceptions: set[str] = field(default_factory=set)

    def check(self, line: Mapping[str, Any]) -> None:
        """Check one line: an exchange, or the body of a webhook."""
        if "webhook" in line:
            self.checked["webhooks"] += 1
            self._check_object(line["webhook"], "webhook")
            return
        call = f"{line['method']} {line['address']}"
        self.checked[call] += 1
        if line["status"] not in SUCCESS:
            self._note(call, self.slice.object_problems("error", line["answer"]))
            return
        operation = self.slice.operation(line["method"], line["address"])
        if operation is None:
            self._check_outside(call, line)
            return
        self._note(call, operation.request_problems(line["form"]))
        self._note(call, self.slice.answer_problems(operation, line["answer"]))
        for event in _objects_in(line["answer"]):
            self._check_subject(event, call)

    def unused(self) -> list[str]:
        """The exceptions that nothing needed: each would hide the next fault of its kind."""
        return sorted((OUTSIDE | set(UNDESCRIBED)) - self._exceptions)

    def _check_outside(self, call: str, line: Mapping[str, Any]) -> None:
        if not self._is_excepted(call, OUTSIDE):
            self._note(call, ["is no call that the slice knows"])
        operation = self._older_operation(line)
        if operation is not None:
            self._note(call, operation.request_problems(line["form"]))
        if line["answer"].get("object") == "list" and set(line["answer"]) != ENVELOPE:
            self._note(call, ["is no list as Stripe sends them"])
        for found in _objects_in(line["answer"]):
            self._check_object(found, call)

    def _older_operation(self, line: Mapping[str, Any]) -> Operation | None:
        return None if self.older is None else self.older.operation(line["method"], line["address"])

    def _check_object(self, value: dict[str, Any], origin: str) -> None:
        """Check an object against the description of its kind."""
        kind = str(value.get("object"))
        component = f"deleted_{kind}" if value.get("deleted") else kind
        description: Description | None = self.slice
        if not self.slice.has(component):
            if not self._is_excepted(component, UNDESCRIBED):
                self._note(origin, [f"sends an object that the slice does not know: {component}"])
            description = self.older
        if description is not None:
            problems = description.object_problems(component, value)
            self._note(origin, [f"{component} {problem}" for problem in problems])
        self._check_subject(value, origin)

    def _check_subject(self, value: dict[str, Any], origin: str) -> None:
        """Check the object of an event, which the description of an event leaves open."""
        if value.get("object") == "event":
            self._check_object(value["data"]["object"], f"{origin} {value['type']}")

    def _note(self, origin: str, problems: list[str]) -> None:
        for problem in problems:
            self.faults.setdefault(problem, origin)

    def _is_excepted(self, name: str, table: frozenset[str] | Mapping[str, str]) -> bool:
        if name in table:
            self._exceptions.add(name)
        return name in table


def _objects_in(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if answer.get("object") == "list":
        yield from answer["data"]
    else:
        yield answer


def lines_in(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines that the processes wrote into a folder, each shape once."""
    seen = set()
    for path in sorted(folder.glob("*.jsonl")):
        for text in path.read_text().splitlines():
            line = json.loads(text)
            shape = shape_of(line) if "webhook" in line else shape_of_exchange(line)
            if shape not in seen:
                seen.add(shape)
                yield line
