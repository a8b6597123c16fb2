"""The application that `manage.py serve` runs: Django behind the gate."""

import gc
import os
from typing import Any

import django
from asgiref.sync import SyncToAsync, ThreadSensitiveContext
from django.urls import reverse

from credits_site.gate import Gate
from credits_site.headers import Handler
from credits_site.health import HEALTHZ

# A full collection of garbage takes a second when thousands of streams are open, and nobody is answered meanwhile.
# To tell them all takes so many objects at once that, above Python's own threshold of 700, they count as long-lived,
# and it collects again and again.
gc.set_threshold(50_000)
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
