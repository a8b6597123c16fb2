"""One stand-in for each module, and one of a test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.drivers.stripe_api import StripeDriver, new_driver


@pytest.fixture(scope="module")
def driver() -> Iterator[StripeDriver]:
    """A stand-in that the tests of a module share."""
    with new_driver() as driver:
        yield driver


@pytest.fixture
def fresh() -> Iterator[StripeDriver]:
    """A stand-in of the test's own, in which nothing has happened and no webhook waits."""
    with new_driver() as driver:
        driver.deliver_all()
        yield driver
