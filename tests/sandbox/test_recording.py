"""A recording holds each shape of an exchange once, and nothing of it is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from sandbox.recording import RecordedStripe, Recording, shape_of
from sandbox.serving import Request
from tests.drivers.stripe_api import PRICE, SECRET_KEY, SUCCESS_URL, Clock, make_standin
from tests.sandbox.stripe.harness import StandInProcess


class Recorded:
    """A stand-in with a recording, and somebody who asks it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.standin: RecordedStripe = make_standin(self.clock)
        self.standin.recording = Recording(folder)

    def ask(self, method: str, path: str, **form: str) -> dict[str, Any]:
        text = urlencode(form)
        headers = {"authorization": f"Bearer {SECRET_KEY}"}
        request = Request(method, path, headers=headers, body=text.encode())
        if method == "GET":
            request = Request(method, path, text, headers)
        answer: dict[str, Any] = json.loads(self.standin.handle(request).body)
        return answer

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for path in self.folder.iterdir() for line in path.read_text().splitlines()]


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    return Recorded(tmp_path / "new" / "folder")


def test_an_exchange_is_written_down_as_it_was(recorded: Recorded) -> None:
    answer = recorded.ask("POST", "/v1/customers", email="ada@example.com")
    form = "email=ada%40example.com"
    assert recorded.lines() == [
        {"method": "POST", "address": "customers", "form": form, "status": 200, "answer": answer}
    ]


def test_the_same_call_of_another_object_is_nothing_new(recorded: Recorded) -> None:
    for email in ("ada@example.com", "grace@example.com"):
        made = recorded.ask("POST", "/v1/customers", email=email)
        recorded.ask("GET", f"/v1/customers/{made['id']}")
    assert [line["address"] for line in recorded.lines()] == ["customers", "customers/*"]


def test_another_parameter_another_word_or_another_status_is_new(recorded: Recorded) -> None:
    for query in ("", "limit=1", "limit=2", "limit=none", "status=open", "status=complete"):
        recorded.ask("GET", "/v1/checkout/sessions", **dict(parse_qsl(query)))
    assert [(line["form"], line["status"]) for line in recorded.lines()] == [
        ("", 200),
        ("limit=1", 200),
        ("limit=none", 400),
        ("status=open", 200),
        ("status=complete", 200),
    ]


def test_the_items_of_a_list_are_written_down_one_by_one(recorded: Recorded) -> None:
    for email in ({}, {"email": "ada@example.com"}, {"email": "grace@example.com"}):
        recorded.ask("POST", "/v1/customers", **email)
    found = recorded.ask("GET", "/v1/customers")
    newest, _, oldest = found["data"]
    assert [line["answer"] for line in recorded.lines()[2:]] == [
        found | {"data": [newest]},
        found | {"data": [oldest]},
    ]


def test_a_webhook_is_written_down_once_however_often_it_is_due(recorded: Recorded) -> None:
    session = {"mode": "payment", "success_url": SUCCESS_URL}
    session |= {"line_items[0][price]": PRICE, "line_items[0][quantity]": "1"}
    for _ in range(2):
        made = recorded.ask("POST", "/v1/checkout/sessions", **session)
        recorded.ask("POST", f"/v1/checkout/sessions/{made['id']}/expire")
        recorded.standin.due_deliveries(recorded.clock.now)
    sent = [line["webhook"]["type"] for line in recorded.lines() if "webhook" in line]
    assert sent.count("checkout.session.expired") == 1


def test_pages_are_not_written_down(recorded: Recorded) -> None:
    recorded.standin.handle(Request("GET", "/dashboard/"))
    assert list(recorded.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": 1.5}),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": None}),
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"b": 1}),
        ({"a": "open"}, {"a": "complete"}),
        ({"a": [1]}, {"a": []}),
        ({"a": {"b": 1}}, {"a": {"b": None}}),
    ],
)
def test_what_a_description_can_tell_apart_has_two_shapes(one: Any, other: Any) -> None:
    assert shape_of(one) != shape_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": "cs_test_1"}, {"a": "cs_test_2"}),
        ({"a": "ada@example.com"}, {"a": "Ada"}),
        ({"a": [1, 2, "open"]}, {"a": ["open", 3]}),
    ],
)
def test_ids_names_numbers_and_order_make_no_shape(one: Any, other: Any) -> None:
    assert shape_of(one) == shape_of(other)


@pytest.mark.parametrize("asked_by", ["option", "environment"])
def test_the_command_records_where_it_is_told_to(tmp_path: Path, asked_by: str) -> None:
    folder = tmp_path / "recording"
    process = StandInProcess(tmp_path)
    options = ("--record", str(folder)) if asked_by == "option" else ()
    env = {"STRIPE_RECORDING": str(folder) if asked_by == "environment" else ""}
    with process.running(*process.KEYS, *options, **env):
        process.v1.accounts.retrieve_current()
    (path,) = folder.iterdir()
    assert json.loads(path.read_text())["address"] == "account"
