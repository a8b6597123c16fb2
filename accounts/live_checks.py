"""What `manage.py doctor` looks at of mails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.apps import AppConfig
from django.core.checks import CheckMessage, Info, Warning
from django.db import DatabaseError

from accounts.mails.queue import waiting
from instant_admin.live_checks import LIVE

_HINT: Final = (
    "Correct EMAIL_URL if the mail server does not let us in, then run `manage.py send_mails`; with --again it also "
    "sends what was given up. With MAILS_AT_ONCE off, have cron run it."
)


@LIVE.register
def check_mails_leave(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """No mail waits for long. Of a database without tables another check says so."""
    try:
        mails = waiting()
    except DatabaseError:
        return
    since = f" since {mails.since:%Y-%m-%d %H:%M} UTC" if mails.since else ""
    text = f"{mails.count} waiting{since}, {mails.given_up} given up"
    if mails.is_trouble:
        yield Warning(text, hint=_HINT, obj="Mails", id="accounts.W101")
    else:
        yield Info(text, obj="Mails")
