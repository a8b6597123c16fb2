"""What the tests of haikus share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from accounts.members import Member
from haikus.generators import language_model
from tests.drivers.language_model import Model, serving
from tests.drivers.site import LoopbackSite


@pytest.fixture
def ada(site: LoopbackSite) -> Member:
    """A member with ten credits."""
    return site.member("ada@example.com", credits=10)


@pytest.fixture
def model(settings: Any) -> Iterator[Model]:
    """A language model for `haikus/generators/language_model.py`."""
    with serving() as served:
        settings.LANGUAGE_MODEL_BASE_URL = served.url
        settings.LANGUAGE_MODEL_API_KEY, settings.LANGUAGE_MODEL = "a key", "a-model"
        settings.LANGUAGE_MODEL_TIMEOUT_S = 5.0
        language_model._client.cache_clear()
        yield served
        language_model._client().close()
        language_model._client.cache_clear()
