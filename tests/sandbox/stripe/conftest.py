"""One stand-in on a port for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.drivers.stripe_api import Clock, StripeApi, free_port, make_standin, served


@pytest.fixture(scope="module")
def api() -> Iterator[StripeApi]:
    """A stand-in on a real port, with a clock that the tests turn."""
    clock = Clock()
    port = free_port()
    standin = make_standin(clock, public_url=f"http://127.0.0.1:{port}")
    with served(standin.handle, port) as url:
        yield StripeApi(standin, clock, url)
    standin.close()
