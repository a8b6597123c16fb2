"""System checks of what the settings say about limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error

from accounts.limits import PERIODS


@checks.register
def check_limits(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """Each limit allows something: none is an outage, and `LIMITS_ENABLED` is what turns them off."""
    endings = tuple(f"_PER_{period}" for period in PERIODS)
    for name in sorted(set(dir(settings))):
        if name.endswith(endings) and getattr(settings, name) < 1:
            yield Error(
                f"{name} is less than 1, so nobody may do it at all.",
                hint="Set it to at least 1, or remove it.",
                id="accounts.E012",
            )
