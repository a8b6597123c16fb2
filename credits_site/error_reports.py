"""Errors for Sentry, where `SENTRY_DSN` is set: those of the log, and what ends a command, and nothing else."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.conf import settings

from credits_site.logs import Repetitions, about

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint


def start() -> None:
    """Report from now on. Does nothing without the package, which `checks.py` says."""
    if not settings.SENTRY_DSN:
        return
    try:
        import sentry_sdk
        from sentry_sdk.integrations.atexit import AtexitIntegration
        from sentry_sdk.integrations.excepthook import ExcepthookIntegration
        from sentry_sdk.integrations.logging import EventHandler
    except ImportError:
        return
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[AtexitIntegration(lambda pending, timeout: None), ExcepthookIntegration()],
        before_send=scrubbed,
    )
    handler = EventHandler(level=logging.ERROR)
    # As the log itself: an outage is not a report for each request.
    filters: Any = settings.LOGGING["filters"]
    handler.addFilter(Repetitions(every_line_of=filters["repetitions"]["every_line_of"]))
    logging.getLogger().addHandler(handler)


def scrubbed(event: Event, hint: Hint) -> Event:
    """An event with what its line in the log says, in place of all that hung on that, such as the request."""
    event.pop("extra", None)
    if (record := hint.get("log_record")) is not None:
        event["logentry"] = {"message": str(record.msg), "formatted": record.getMessage()}
        event["tags"] = about(record)
    return event
