"""What is there before the first haiku is asked for."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings as site_settings

from credits_site.signals import site_starts

LOADED = "import {}, sys; print('haikus.generators.sample' in sys.modules)"


@pytest.mark.slow
@pytest.mark.parametrize(("module", "loaded"), [("credits_site.asgi", "True"), ("haikus.store", "False")])
def test_the_generator_is_loaded_by_a_site_that_starts_and_by_nothing_else(module: str, loaded: str) -> None:
    done = subprocess.run(  # noqa: S603  our own text
        [sys.executable, "-c", LOADED.format(module)],
        cwd=site_settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == loaded


def test_a_site_whose_generator_is_not_there_does_not_start(settings: Any) -> None:
    settings.HAIKU_GENERATOR = "haikus.generators.nobody.compose"
    with pytest.raises(ImportError):
        site_starts.send(sender=None)
