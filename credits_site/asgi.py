"""The application that `manage.py serve` runs: Django behind the gate."""

import os
from typing import Any

import django
from asgiref.sync import SyncToAsync, ThreadSensitiveContext
from django.urls import reverse

from credits_site.gate import Gate
from credits_site.headers import Handler
from credits_site.health import HEALTHZ

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "credits_site.settings")
django.setup(set_prefix=False)
_django = Handler()
_stream_path = reverse("billing:credits_stream")
_webhook_path = reverse("billing:webhook")
_streams_thread = ThreadSensitiveContext()


async def _site(scope: Any, receive: Any, send: Any) -> None:
    """Django, with one thread for all streams.

    Django keeps a thread of its own, with a database connection, for each request until its answer has been
    sent. That would be one of each for every open tab, idle. What the streams have to do in a thread is over
    in a moment, so they share one.
    """
    if scope["path"] == _stream_path:
        SyncToAsync.thread_sensitive_context.set(_streams_thread)
    await _django(scope, receive, send)


application = Gate(
    _site,
    body_limits_bytes=dict.fromkeys((_webhook_path, f"{_webhook_path}/"), 1024 * 1024),
    streams={_stream_path},
    uncounted={HEALTHZ},
)
