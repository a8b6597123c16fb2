"""What the tests of billing share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from accounts.members import Member
from tests.drivers.site import LoopbackSite


@pytest.fixture
def empty_cache() -> Iterator[None]:
    """Nothing is remembered of another test, nor for the next."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def ada(site: LoopbackSite) -> Member:
    """A member without credits."""
    return site.member("ada@example.com")


@pytest.fixture
def bought(site: LoopbackSite, ada: Member) -> str:
    """The checkout by which Ada bought her ten credits."""
    checkout_id = site.buy(ada)
    site.deliver_all()
    return checkout_id
