"""One stand-in on a real port, an app for the cases, and the clients that they run through."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.contract.clients import ContractClient
from tests.contract.fixture_app import LIBRARY, PERMS, SCHEMA
from tests.contract.our_client import OurClient
from tests.contract.sdk_javascript import JavaScript, whats_missing
from tests.contract.sdk_python import PythonSdk
from tests.sandbox.instant.process import Process


def require_node() -> None:
    """Skips the test without Node and its packages; fails it where REQUIRE_NODE says that they must be there."""
    missing = whats_missing()
    if missing is not None and os.environ.get("REQUIRE_NODE") == "1":
        pytest.fail(f"{missing}, and REQUIRE_NODE is set", pytrace=False)
    if missing is not None:
        pytest.skip(missing)


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The stand-in with the fixture app in it."""
    process = Process(tmp_path_factory.mktemp("contract") / "instant.sqlite3")
    process.start()
    admin = process.admin()
    admin.push_schema(SCHEMA)
    admin.push_perms(PERMS)
    admin.transact(LIBRARY)
    yield process
    process.stop()


@pytest.fixture(scope="package", params=[OurClient, PythonSdk, JavaScript], ids=lambda made: made.name)
def db(request: pytest.FixtureRequest, served: Process) -> Iterator[ContractClient]:
    """Each client in turn."""
    if request.param is JavaScript:
        require_node()
    driver: ContractClient = request.param(
        api_uri=served.uri, app_id=served.app_id, admin_token=served.admin_token
    )
    yield driver
    driver.close()
