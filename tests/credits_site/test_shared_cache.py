"""What is remembered while the cache is there, and while it is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches

from credits_site import shared_cache


@pytest.fixture(autouse=True)
def _empty() -> Iterator[None]:
    for cache in ("default", "own"):
        caches[cache].clear()
    yield
    for cache in ("default", "own"):
        caches[cache].clear()


@pytest.mark.parametrize("is_away", [False, True])
def test_it_is_remembered_until_it_is_forgotten(settings: Any, is_away: bool) -> None:
    if is_away:
        away = {"BACKEND": "tests.drivers.away.Cache"}
        settings.CACHES = settings.CACHES | {"default": away}
    assert [shared_cache.is_first("asked", seconds=60) for _ in range(2)] == [True, False]
    shared_cache.remember("price", 500, seconds=None)
    assert shared_cache.recall("price") == 500
    shared_cache.forget("price")
    assert shared_cache.recall("price") is None
    # Others know of it only where it is shared.
    assert (caches["own"].get("asked") is True) is is_away
