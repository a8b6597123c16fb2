from collections.abc import Iterator

import pytest
from responses import RequestsMock

from instant_admin.client.admin import InstantAdmin
from tests.drivers.instant import LoopbackInstant
from tests.instant_admin.client.wires import APP, TOKEN, URI


@pytest.fixture
def loopback() -> Iterator[LoopbackInstant]:
    """An app of the test's own, with our schema and rules."""
    loopback = LoopbackInstant()
    yield loopback
    loopback.standin.close()


@pytest.fixture
def wire() -> Iterator[RequestsMock]:
    """What Instant is made to answer; every answer must be asked for."""
    with RequestsMock(assert_all_requests_are_fired=True) as mock:
        yield mock


@pytest.fixture
def pauses() -> list[float]:
    """The seconds that the client waited."""
    return []


@pytest.fixture
def instant(pauses: list[float]) -> InstantAdmin:
    """A client that waits for nobody."""
    return InstantAdmin(api_uri=URI + "/", app_id=APP, admin_token=TOKEN, sleep=pauses.append)
