"""What the image has of the project, in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.files import build


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder, in which nobody's `.env` is."""
    folder = tmp_path_factory.mktemp("image")
    build(folder)
    return folder
