"""axe-core, which finds what people with a screen reader, a keyboard or weak eyes would stumble over."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page

SCRIPT: Final = Path(__file__).parents[1] / "contract" / "node" / "node_modules" / "axe-core" / "axe.min.js"
RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_RUN: Final = """async (rules) => {
  // The ribbon above the landmarks of the stand-in's pages keeps nobody from anything.
  const { violations } = await axe.run({ exclude: [".ribbon"] }, {
    runOnly: rules,
    resultTypes: ["violations"],
    preload: false,
  });
  return violations.flatMap(({ id, help, nodes }) => nodes.map((node) =>
    `${id} (${help}): ${node.target.join(" ")} ${node.failureSummary}`));
}"""


def require_axe() -> None:
    """Skips the test without axe-core; fails it where REQUIRE_NODE says that it must be there."""
    if SCRIPT.is_file():
        return
    missing = "axe-core is not installed: run `npm install` in tests/contract/node"
    if os.environ.get("REQUIRE_NODE") == "1":
        pytest.fail(f"{missing}, and REQUIRE_NODE is set", pytrace=False)
    pytest.skip(missing)


def violations_on(page: Page) -> list[str]:
    """What axe finds on the page as it is now."""
    # Not a script element: our policy forbids those that are not ours.
    page.evaluate(_source())
    found: list[str] = page.evaluate(_RUN, RULES)
    return found


@cache
def _source() -> str:
    return SCRIPT.read_text("utf-8")
