"""Pictures of every page and state, wide and narrow, light and dark, in each language.

    python -m tests.screenshots DIR [--only TEXT]

They are for looking at. The states are those that the tests of looks measure.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Final

from playwright.sync_api import Error as PlaywrightError

from tests.browser.staff_states import STAFF_STATES
from tests.browser.stage import Cast, Go, Stage, staged_world
from tests.browser.states import STATES
from tests.drivers.browser import Profiles, running_chromium

LANGUAGES: Final = ("en", "de")
WIDTHS: Final = {"wide": (1280, 800), "narrow": (375, 740)}
SCHEMES: Final[tuple[str, ...]] = ("light", "dark")


def take(stage: Stage, name: str, go: Go, folder: Path, language: str) -> None:
    """Four pictures of a state, from one visit."""
    person = go(stage)
    # Playwright stops what moves by a style of its own, which our policy forbids.
    person.bears("Applying inline style")
    for (width, (pixels, height)), scheme in product(WIDTHS.items(), SCHEMES):
        person.page.set_viewport_size({"width": pixels, "height": height})
        person.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        path = folder / f"{name.replace(' ', '-')}.{width}.{scheme}.{language}.png"
        person.page.screenshot(path=path, full_page=True, animations="disabled")


def main(argv: list[str] | None = None) -> int:
    """The exit status: 1 if a page complained, or could not be reached."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go; made if it is not there")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="only the states whose name has this in it"
    )
    asked = parser.parse_args(argv)
    asked.folder.mkdir(parents=True, exist_ok=True)
    states = {name: go for name, go in (STATES | STAFF_STATES).items() if asked.only in name}
    complaints: list[str] = []
    with (
        tempfile.TemporaryDirectory() as data,
        staged_world(Path(data)) as world,
        running_chromium() as chromium,
    ):
        cast = Cast(world)
        for language, (name, go) in product(LANGUAGES, states.items()):
            profiles = Profiles(chromium, world)
            stage = Stage(cast, profiles, locale=language)
            try:
                take(stage, name, go, asked.folder, language)
            except (AssertionError, PlaywrightError) as exc:
                complaints.append(f"{name}: {exc}")
            finally:
                stage.close()
                complaints += [f"{name}: {said}" for said in profiles.close()]
    sys.stdout.write("\n".join([*complaints, f"{len(states)} states are in {asked.folder}", ""]))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
