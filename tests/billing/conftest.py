"""What the tests of billing share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from accounts.members import Member
from tests.billing.shop import Shop, opened


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A shop of one test."""
    with opened() as shop:
        yield shop


@pytest.fixture
def ada(shop: Shop) -> Member:
    """A member without credits."""
    return shop.member("ada@example.com")
