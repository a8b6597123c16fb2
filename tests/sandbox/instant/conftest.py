from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.sandbox.instant.harness import Gap, Harness, attrs
from tests.sandbox.instant.process import Process


@pytest.fixture
def gap() -> Gap:
    """What `instant` does between the questions that a transact asks and its write."""
    return Gap()


@pytest.fixture
def instant(gap: Gap) -> Iterator[Harness]:
    """An empty app."""
    with closing(Harness(pause=gap)) as harness:
        yield harness


@pytest.fixture
def keyed(instant: Harness) -> Harness:
    """An app whose posts have a unique key or none."""
    instant.push({"entities": {"posts": attrs(key="string!#")}})
    return instant


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[Harness]:
    """An empty app in a file."""
    with closing(Harness(tmp_path / "instant.sqlite3")) as harness:
        yield harness


@pytest.fixture
def credits_app(instant: Harness) -> Harness:
    """An app with this project's schema and rules."""
    instant.push()
    instant.push_rules()
    return instant


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A stand-in of its own process, shared by a module's tests."""
    process = Process(tmp_path_factory.mktemp("served") / "instant.sqlite3")
    process.start()
    yield process
    process.stop()
