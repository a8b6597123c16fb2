"""System checks of what the settings say about staff."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Warning

from credits_site.addresses import networks_in


@checks.register(checks.Tags.security)
def check_staff_networks(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """Every network can be read, or the staff's pages would answer nobody."""
    try:
        networks_in(settings.STAFF_NETWORKS)
    except ValueError as exc:
        yield Error(
            f"STAFF_NETWORKS has something that is no network: {exc}.",
            hint="Write ranges such as 203.0.113.0/24,2001:db8::/32, or leave it empty.",
            id="accounts.E010",
        )


@checks.register(checks.Tags.security, deploy=True)
def check_second_factor(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """A password alone may be enough for a small shop; whoever runs it should have decided so."""
    if not settings.STAFF_TOTP_REQUIRED:
        yield Warning(
            "STAFF_TOTP_REQUIRED is off, so a stolen password of staff is enough to give credits away.",
            hint="Have each of the staff set up two-factor login in the admin, then set it to true.",
            id="accounts.W011",
        )
