"""A recording holds each shape of an exchange once, and nothing of it is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.recording import Recording, shape_of
from tests.drivers.stripe_api import StripeDriver, new_driver
from tests.sandbox.stripe.harness import StandInProcess


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where `driver` records."""
    return tmp_path / "new" / "folder"


@pytest.fixture
def driver(folder: Path) -> Iterator[StripeDriver]:
    """A stand-in with a recording, and somebody who asks it."""
    with new_driver() as driver:
        driver.standin.recording = Recording(folder)
        yield driver


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in folder.iterdir() for line in path.read_text().splitlines()]


def test_an_exchange_is_written_down_as_it_was(driver: StripeDriver, folder: Path) -> None:
    form = "email=ada%40example.com"
    answer = driver.call("POST", "/v1/customers", data=form).json()
    asked = {"method": "POST", "address": "customers", "form": form}
    assert lines(folder) == [{**asked, "status": 200, "answer": answer}]


def test_the_same_call_of_another_object_is_nothing_new(driver: StripeDriver, folder: Path) -> None:
    for email in ("ada@example.com", "grace@example.com"):
        driver.v1.customers.retrieve(driver.v1.customers.create({"email": email}).id)
    assert [line["address"] for line in lines(folder)] == ["customers", "customers/*"]


def test_another_parameter_another_word_or_another_status_is_new(driver: StripeDriver, folder: Path) -> None:
    for query in ("", "limit=1", "limit=2", "limit=none", "status=open", "status=complete"):
        driver.call("GET", f"/v1/checkout/sessions?{query}")
    assert [(line["form"], line["status"]) for line in lines(folder)] == [
        ("", 200),
        ("limit=1", 200),
        ("limit=none", 400),
        ("status=open", 200),
        ("status=complete", 200),
    ]


def test_the_items_of_a_list_are_written_down_one_by_one(driver: StripeDriver, folder: Path) -> None:
    for customer in ({}, {"email": "ada@example.com"}, {"email": "grace@example.com"}):
        driver.v1.customers.create(customer)
    found = driver.call("GET", "/v1/customers").json()
    newest, _, oldest = found["data"]
    answers = [line["answer"] for line in lines(folder)][2:]
    assert answers == [found | {"data": [newest]}, found | {"data": [oldest]}]


def test_a_webhook_is_written_down_once_however_often_it_is_due(driver: StripeDriver, folder: Path) -> None:
    for _ in range(2):
        driver.v1.checkout.sessions.expire(driver.session().id)
        driver.due()
    sent = [line["webhook"]["type"] for line in lines(folder) if "webhook" in line]
    assert sent.count("checkout.session.expired") == 1


def test_pages_are_not_written_down(driver: StripeDriver, folder: Path) -> None:
    driver.get("/dashboard/")
    assert list(folder.iterdir()) == []


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
