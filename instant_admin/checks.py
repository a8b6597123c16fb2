"""System checks: what must be set before the site can reach Instant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Warning

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@checks.register
def check_instant_app(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """The app's id and admin token are there."""
    try:
        UUID(settings.INSTANT_APP_ID)
    except ValueError:
        yield Error(
            "INSTANT_APP_ID is empty or no UUID, so there is no app to keep balances in.",
            hint="Copy it from Instant's dashboard, or run `python -m sandbox`, which needs no account.",
            id="instant_admin.E001",
        )
    if not settings.INSTANT_APP_ADMIN_TOKEN:
        yield Error(
            "INSTANT_APP_ADMIN_TOKEN is empty, so no credit can be moved.",
            hint="Copy the app's admin token from Instant's dashboard (Home, then Secrets).",
            id="instant_admin.E002",
        )


@checks.register(checks.Tags.security)
def check_instant_address(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """The admin token is not sent in the clear."""
    address = urlsplit(settings.INSTANT_API_URI)
    # A host name without a dot is a neighbour on a private network, such as a container's.
    private = address.hostname in _LOOPBACK or "." not in (address.hostname or "")
    if address.scheme != "https" and not (address.scheme == "http" and private):
        yield Error(
            "INSTANT_API_URI is not an https address, so the admin token would travel in the clear.",
            hint="Put TLS in front of Instant, or reach it on localhost or a private network.",
            id="instant_admin.E003",
        )


@checks.register
def check_not_frozen(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """A site that only reads is meant to."""
    if settings.INSTANT_READ_ONLY:
        yield Warning(
            "INSTANT_READ_ONLY is on: nobody can sign in, buy or spend.",
            hint="Take it away when the app has been moved (docs/moving.md).",
            id="instant_admin.W004",
        )
