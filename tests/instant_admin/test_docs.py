"""docs/instant.md: its code runs, its tables name what is there."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import override_settings

from instant_admin.client import errors
from tests.sandbox.instant.process import Process
from tests.test_architecture import imports_of

ROOT = Path(django_settings.BASE_DIR)
PAGE = (ROOT / "docs" / "instant.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def empty_app(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path / "instant.sqlite3")
    process.start()
    yield process
    process.stop()


@pytest.mark.slow
def test_its_code_runs_from_top_to_bottom(empty_app: Process) -> None:
    assert len(BLOCKS) > 8
    names: dict[str, object] = {}
    with override_settings(
        INSTANT_API_URI=empty_app.uri,
        INSTANT_APP_ID=empty_app.app_id,
        INSTANT_APP_ADMIN_TOKEN=empty_app.admin_token,
    ):
        for number, block in enumerate(BLOCKS):
            code = compile(block, f"docs/instant.md, block {number}", "exec")
            exec(code, names)  # noqa: S102 (our own page)


def test_the_client_s_folder_needs_nothing_else() -> None:
    allowed = {*sys.stdlib_module_names, "requests", "urllib3"}
    for path in (ROOT / "instant_admin" / "client").glob("*.py"):
        for name in imports_of(path):
            assert name.partition(".")[0] in allowed or name.startswith("instant_admin.client"), path


def test_every_error_of_the_client_is_in_the_table_of_errors() -> None:
    table = PAGE.split("## When it goes wrong")[1].split("##")[0]
    rows = "\n".join(line for line in table.splitlines() if line.startswith("|"))
    every = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type)
        and issubclass(value, errors.InstantError)
        and value is not errors.InstantError
    }
    assert {name for name in every if f"`{name}`" not in rows} == set()
