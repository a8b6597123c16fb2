"""What the tests of accounts share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.drivers.instant import LoopbackInstant


@pytest.fixture
def instant() -> Iterator[LoopbackInstant]:
    """What the site asks."""
    instant = LoopbackInstant()
    with instant.asked_by_the_site():
        yield instant
