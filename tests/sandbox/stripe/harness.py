"""Short ways to what the tests of the Stripe stand-in ask again and again."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
import stripe

from sandbox.world import HOST, Part, free_port
from tests.drivers.stripe_api import PRICE, SECRET_KEY, WEBHOOK_SECRET, StripeDriver

TESTING100 = "TESTING100"


@contextmanager
def refused(
    code: str | None = ANY, param: str | None = ANY, *, status: int = 400, said: str | None = None
) -> Iterator[pytest.ExceptionInfo[stripe.InvalidRequestError]]:
    """Fails unless Stripe's package raises this refusal; `said` is a pattern for its message."""
    with pytest.raises(stripe.InvalidRequestError, match=said) as caught:
        yield caught
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (status, code, param)


def packs(quantity: int = 1, **item: Any) -> list[dict[str, Any]]:
    """An order of so many packs of ten credits."""
    return [{"price": PRICE, "quantity": quantity, **item}]


def priced(
    unit_amount: int, currency: str = "usd", name: str = "a thing", quantity: int = 1
) -> list[dict[str, Any]]:
    """An order of something whose price is made for it."""
    data = {"currency": currency, "unit_amount": unit_amount, "product_data": {"name": name}}
    return [{"price_data": data, "quantity": quantity}]


def refund(driver: StripeDriver, session: Any, **wanted: Any) -> Any:
    return driver.v1.refunds.create({"payment_intent": session.payment_intent, **wanted})


def set_up_tax(driver: StripeDriver) -> None:
    """Have the account calculate tax."""
    head_office = {"address": {"country": "US", "state": "CA", "postal_code": "94105"}}
    made = driver.v1.tax.settings.update(
        {"head_office": head_office, "defaults": {"tax_behavior": "exclusive"}}
    )
    assert made.status == "active"


def dispute_of(driver: StripeDriver, session: Any) -> Any:
    (dispute,) = driver.v1.disputes.list({"payment_intent": driver.again(session).payment_intent}).data
    return dispute


def items_of(driver: StripeDriver, session: Any) -> list[Any]:
    found: list[Any] = driver.v1.checkout.sessions.line_items.list(session.id).data
    return found


def press(driver: StripeDriver, button: str, status: int = 303, /, **form: str) -> str:
    """Press a button of the dashboard; where it leads."""
    answer = driver.post(f"/dashboard/{button}", **form)
    assert answer.status_code == status, answer.text
    return answer.headers.get("Location", "")


def newest_event(driver: StripeDriver, **wanted: Any) -> Any:
    """What happened last, of the wanted types."""
    return driver.v1.events.list({"limit": 1, **wanted}).data[0]


class StandInProcess:
    """The stand-in as `python -m sandbox.stripe` starts it, on a port of its own."""

    KEYS = ("--secret-key", SECRET_KEY, "--webhook-secret", WEBHOOK_SECRET)

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self._url = f"http://{HOST}:{port}"
        self._command = [sys.executable, "-m", "sandbox.stripe", "--port", str(port)]
        self._command += ["--data", str(folder / "var" / "stripe.sqlite3")]
        self._log = folder / "log"
        # Untyped, as the driver's.
        self.v1: Any = stripe.StripeClient(SECRET_KEY, base_addresses={"api": self._url}).v1

    @contextmanager
    def running(self, *options: str, **env: str) -> Iterator[dict[str, Any]]:
        """Start it, and kill it when the block ends; what it says of itself first."""
        self._log.unlink(missing_ok=True)
        command = [*self._command, *options]
        part = Part("Stripe", command, env=os.environ | env, url=self._url, log=self._log)
        part.start()
        try:
            part.await_answer("/dashboard/")
            yield json.loads(self._log.read_text().splitlines()[0])
        finally:
            part.kill()
