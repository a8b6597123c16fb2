"""stripe-mock: Stripe's own server that keeps no state. It knows which requests are well-formed, and nothing else.

Source: https://github.com/stripe/stripe-mock
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import requests

from sandbox.serving import Request
from sandbox.world import HOST, free_port
from tests.drivers.stripe_api import LIMIT_S, listens
from tests.drivers.waiting import await_that

# Headers of the connection that the request came by.
HOP_BY_HOP: Final = frozenset({"host", "connection", "content-length", "accept-encoding"})


def binary() -> str | None:
    """The program: where `STRIPE_MOCK` says, or on the PATH, or where Go installs programs."""
    of_go = Path(os.environ.get("GOPATH", Path.home() / "go")) / "bin"
    places = os.pathsep.join([os.environ.get("PATH", ""), str(of_go)])
    return os.environ.get("STRIPE_MOCK") or shutil.which("stripe-mock", path=places)


@contextmanager
def running(program: str, log: Path) -> Iterator[str]:
    """The server on a free port until the block ends; its address."""
    port = free_port()
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603  the program is Stripe's
            [program, "-http-addr", f"{HOST}:{port}"], stdout=out, stderr=out, stdin=subprocess.DEVNULL
        )
    try:
        await_that(lambda: listens(port), limit_s=30)
        yield f"http://{HOST}:{port}"
    finally:
        process.kill()
        process.wait()


def refusal(url: str, request: Request) -> str | None:
    """Why the server at `url` takes a request for malformed; None when it does not."""
    headers = {name: value for name, value in request.headers.items() if name not in HOP_BY_HOP}
    address = f"{url}{request.path}?{request.query}" if request.query else url + request.path
    answer = requests.request(request.method, address, headers=headers, data=request.body, timeout=LIMIT_S)
    return None if answer.status_code == requests.codes.ok else str(answer.json()["error"]["message"])
