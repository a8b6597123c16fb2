"""What all processes remember together. While the cache is away, each remembers for itself, and seldom asks it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache

from credits_site.breakers import CACHE

logger = logging.getLogger(__name__)

T = TypeVar("T")


def recall(key: str) -> Any:
    """What was remembered under this key, or None."""
    return _ask(lambda cache: cache.get(key))


def remember(key: str, value: object, *, seconds: float | None) -> None:
    """Remember it so long; None is for ever. This process also does so for itself: the cache may go away."""
    for remembers in (_ask, _ask_ourselves):
        remembers(lambda cache: cache.set(key, value, timeout=seconds))


def is_first(key: str, *, seconds: float) -> bool:
    """Whether nobody else was, for so long."""
    return _ask(lambda cache: cache.add(key, True, timeout=seconds))


def forget(key: str) -> None:
    """Remember it no longer."""
    for forgets in (_ask, _ask_ourselves):
        forgets(lambda cache: cache.delete(key))


def _ask(question: Callable[[BaseCache], T]) -> T:
    if CACHE.lets_through():
        try:
            answer = question(caches["default"])
        except Exception as exc:  # noqa: BLE001  each cache has errors of its own
            CACHE.failed()
            logger.warning("The cache fails (%s): this process remembers for itself", type(exc).__name__)
        else:
            CACHE.answered()
            return answer
    return _ask_ourselves(question)


def _ask_ourselves(question: Callable[[BaseCache], T]) -> T:
    return question(caches["own"])
