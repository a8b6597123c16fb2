"""What the tests of billing share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from accounts.members import Member
from tests.drivers.site import LoopbackSite, opened


@pytest.fixture
def site() -> Iterator[LoopbackSite]:
    """A site of one test."""
    with opened() as site:
        yield site


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
