"""Write down what a Stripe stand-in is asked and answers, each distinct shape of it once.

Every process writes lines of JSON to a file of its own. What they are good for is no concern of this module;
`tests/contract/stripe` holds them against Stripe's own description of its API.

Two exchanges have the same shape when no description of types could tell them apart: the same call with the same
parameters, the same status, and an answer with the same keys, types and words (`complete`, `usd`).
"""

from __future__ import annotations

import json
import os
import re
import secrets
import threading
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from sandbox.serving import Request, Response
from sandbox.stripe import routes
from sandbox.stripe.events import Delivery
from sandbox.stripe.standin import API, StripeStandIn

# A text that may be one of a description's enumerated values, and so is part of a shape; an id or a name is not.
WORD: Final = re.compile(r"[a-z][a-z_.]*")
# What is no part of a form's shape: a parameter's value unless it is such a word, and the number of a list's item.
VARYING: Final = re.compile(r"(?<==)(?![a-z][a-z_.]*(?:&|$))[^&]+|(?<=\[)\d+(?=\])|(?<=%5B)\d+(?=%5D)")


class Recording:
    """A file of this process in a folder. Any number of stand-ins and threads may write to it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.jsonl"
        self._seen: set[Hashable] = set()
        self._lock = threading.Lock()

    def exchange(self, request: Request, response: Response) -> None:
        """Write down a call of the API and its answer. Pages are not checked."""
        if not request.path.startswith(API):
            return
        call = {
            "method": request.method,
            "address": address_of(request),
            "form": request.body.decode(errors="replace") if request.method == "POST" else request.query,
            "status": response.status,
        }
        for answer in _parts(json.loads(response.body)):
            line = call | {"answer": answer}
            if self._is_new(shape_of_exchange(line)):
                self._write(line)

    def webhook(self, body: bytes) -> None:
        """Write down an event as it is sent to an endpoint."""
        # Asked first because it is so much cheaper: an event that waits is looked at again and again.
        if self._is_new(hash(body)):
            event = json.loads(body)
            if self._is_new(shape_of(event)):
                self._write({"webhook": event})

    def _is_new(self, shape: Hashable) -> bool:
        with self._lock:
            known = shape in self._seen
            self._seen.add(shape)
        return not known

    def _write(self, line: Mapping[str, Any]) -> None:
        # Opened anew each time: lines are few, and a process that is killed has lost none of them.
        with self._lock, self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")


def shape_of_exchange(line: Mapping[str, Any]) -> Hashable:
    """What makes a line about an exchange like another."""
    form = VARYING.sub("", line["form"])
    return line["method"], line["address"], form, line["status"], shape_of(line["answer"])


def shape_of(value: Any) -> Hashable:
    """What is left of a JSON value without its ids, names and numbers, and without the order of its lists."""
    kind = type(value)
    if kind is dict:
        return tuple(value), tuple(map(shape_of, value.values()))
    if kind is list:
        return frozenset(map(shape_of, value))
    return value if kind is str and WORD.fullmatch(value) else hash(kind)


def address_of(request: Request) -> str:
    """The path below `/v1/`, with `*` for every id."""
    address = request.path.removeprefix(API).rstrip("/")
    found = routes.find(request.method, address)
    ids = () if found is None else found[1]
    return "/".join("*" if part in ids else part for part in address.split("/"))


def _parts(answer: Any) -> Iterator[Any]:
    """A list's items one by one, each in the list's own envelope: their mixture would be new nearly every time."""
    if answer.get("object") != "list" or not answer["data"]:
        yield answer
        return
    for item in answer["data"]:
        yield answer | {"data": [item]}


class RecordedStripe(StripeStandIn):
    """A stand-in that writes down what passes, and behaves like any other."""

    recording: Recording | None = None

    def handle(self, request: Request) -> Response:
        response = super().handle(request)
        if self.recording is not None:
            self.recording.exchange(request, response)
        return response

    def due_deliveries(self, now: float) -> list[Delivery]:
        due = super().due_deliveries(now)
        if self.recording is not None:
            for delivery in due:
                self.recording.webhook(delivery.body)
        return due
