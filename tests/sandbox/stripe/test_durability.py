"""What was bought is still there at the next start."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
import stripe

from tests.sandbox.stripe.till import (
    PRICE,
    SECRET_KEY,
    VISA,
    Clock,
    Till,
    await_that,
    free_port,
    make_standin,
    served,
)

ROOT = Path(__file__).resolve().parents[3]


def test_a_closed_stand_in_forgets_nothing(tmp_path: Path) -> None:
    clock = Clock()
    database = tmp_path / "stripe.sqlite3"
    port = free_port()
    standin = make_standin(clock, database)
    with served(standin.handle, port) as url:
        before = Till(standin, clock, url)
        customer = before.v1.customers.create({}, {"idempotency_key": "k"})
        due = before.due()
        before.post("/dashboard/delivery", delay_s="9")
    standin.close()

    again = make_standin(clock, database)
    with served(again.handle, port) as url:
        after = Till(again, clock, url)
        assert after.v1.customers.create({}, {"idempotency_key": "k"}).id == customer.id
        assert after.due() == due
        assert 'value="9"' in after.get("/dashboard/").text
    again.close()


@contextmanager
def running(database: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The stand-in as a process of its own, as `python -m sandbox.stripe` starts it."""
    process = subprocess.Popen(  # noqa: S603 - our own program
        [
            *(sys.executable, "-m", "sandbox.stripe", "--port", str(port), "--data", str(database)),
            *("--secret-key", SECRET_KEY, "--webhook-secret", "whsec_till"),
            *("--price", f"{PRICE}:500:usd:10 credits: the big pack"),
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    try:
        await_that(lambda: answers(port), limit_s=30)
        yield process
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    """Whether somebody listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    port = free_port()
    client = stripe.StripeClient(SECRET_KEY, base_addresses={"api": f"http://127.0.0.1:{port}"})
    with running(tmp_path / "var" / "stripe.sqlite3", port) as process:
        session = client.v1.checkout.sessions.create(
            {
                "mode": "payment",
                "line_items": [{"price": PRICE, "quantity": 1}],
                "success_url": "http://shop.test/",
            }
        )
        page = str(session.url)
        paid = requests.post(page, data={"card_number": VISA}, timeout=10, allow_redirects=False)
        assert paid.status_code == 303
        process.send_signal(signal.SIGKILL)
        process.wait()
    with running(tmp_path / "var" / "stripe.sqlite3", port):
        again = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["line_items"]})
    assert again.payment_status == "paid"
    assert again.line_items is not None
    assert again.line_items.data[0].description == "10 credits: the big pack"
