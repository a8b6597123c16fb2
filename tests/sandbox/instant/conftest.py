from collections.abc import Iterator

import pytest

from tests.sandbox.instant.harness import Harness
from tests.sandbox.instant.process import Process


@pytest.fixture
def instant() -> Iterator[Harness]:
    """An empty app."""
    harness = Harness()
    yield harness
    harness.standin.close()


@pytest.fixture
def credits_app() -> Iterator[Harness]:
    """An app with this project's schema and rules."""
    harness = Harness()
    harness.push()
    harness.push_rules()
    yield harness
    harness.standin.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A stand-in of its own process, shared by a module's tests."""
    process = Process(tmp_path_factory.mktemp("served") / "instant.sqlite3")
    process.start()
    yield process
    process.stop()
