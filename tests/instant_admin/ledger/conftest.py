"""What the tests of the ledger over sockets share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from instant_admin.client.schema import push
from tests.drivers.instant import DOCUMENTS
from tests.sandbox.instant.process import Process


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A stand-in of its own process, with our schema and rules."""
    process = Process(tmp_path_factory.mktemp("ledger") / "instant.sqlite3")
    process.start()
    list(push(process.admin(), DOCUMENTS, dry_run=False))
    yield process
    process.stop()
