"""Mails that say what has happened. That it has happened does not depend on them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.core.mail import send_mail
from django.template.loader import render_to_string

logger = logging.getLogger(__name__)


def tell(email: str, subject: str, template: str, context: Mapping[str, Any] | None = None) -> None:
    """Send a mail, and log when it cannot be sent."""
    try:
        send_mail(
            subject=subject,
            message=render_to_string(template, dict(context or {})),
            from_email=None,
            recipient_list=[email],
        )
    except OSError as exc:  # every SMTP and socket error is one
        logger.error("A mail (%s) could not be sent (%s)", subject, type(exc).__name__)
