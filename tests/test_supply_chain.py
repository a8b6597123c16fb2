"""What the site is made of: each package by its hash, under a licence that lets a shop be a shop."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.supply_chain import OF_THEIR_OWN_FILES, ROOT, is_fine, licence_of, locked, vulnerable


@pytest.mark.parametrize("lock", sorted(ROOT.glob("requirements*.lock")), ids=lambda path: path.name)
def test_every_package_of_a_lock_has_its_version_and_its_hashes(lock: Path) -> None:
    requirements = re.split(
        r"^(?=[A-Za-z0-9])", re.sub(r"^ *#.*\n", "", lock.read_text(), flags=re.M), flags=re.M
    )
    without = [
        each
        for each in requirements
        if each and not re.match(r"\S+==\S+ .*\\\n( +--hash=sha256:\w{64}( \\)?\n)+$", each)
    ]
    assert len(requirements) > 20
    assert without == []


def test_nothing_that_goes_live_asks_for_the_code_of_the_shop() -> None:
    licences = {each.name: licence_of(each.name) for each in locked()}
    assert {name: licence for name, licence in licences.items() if not is_fine(name, licence)} == {}
    assert set(OF_THEIR_OWN_FILES) <= set(licences)


@pytest.mark.parametrize(
    "licence", ["GPL-3.0-only", "AGPL-3.0-or-later", "MIT AND GPL-2.0-only", "LGPL-3.0-only", "unknown"]
)
def test_any_other_licence_needs_a_look(licence: str) -> None:
    assert not is_fine("some-package", licence)


def dependency(name: str, *vulns: str, **more: str) -> dict[str, object]:
    """One package in pip-audit's report."""
    return {"name": name, **more} if more else {"name": name, "vulns": [{"id": each} for each in vulns]}


@pytest.mark.parametrize(
    ("dependencies", "found"),
    [
        ([dependency("a"), dependency("b")], []),
        ([dependency("a", "GHSA-1", "GHSA-2"), dependency("b")], ["a: GHSA-1", "a: GHSA-2"]),
        ([dependency("a", skip_reason="not found"), dependency("b")], ["a: not found"]),
        ([dependency("a", skip_reason="not found"), dependency("b", skip_reason="not found")], None),
    ],
)
def test_what_pip_audit_says_is_read(dependencies: list[dict[str, object]], found: list[str] | None) -> None:
    assert vulnerable(json.dumps({"dependencies": dependencies}), "") == found


def test_a_database_that_is_away_is_no_clean_bill_and_a_crash_is_an_error() -> None:
    assert vulnerable("", "requests.exceptions.ConnectionError: no such host") is None
    with pytest.raises(RuntimeError, match="TypeError"):
        vulnerable("", "TypeError: something else")
