"""The application that an ASGI server runs: `uvicorn credits_site.asgi:application`."""

import os
from typing import Any

from asgiref.sync import SyncToAsync, ThreadSensitiveContext
from django.core.asgi import get_asgi_application
from django.urls import reverse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "credits_site.settings")
_django = get_asgi_application()
_stream_path = reverse("billing:credits_stream")
_streams_thread = ThreadSensitiveContext()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Django, with one thread for all streams.

    Django keeps a thread of its own, with a database connection, for each request until its answer has been
    sent. That would be one of each for every open tab, idle. What the streams have to do in a thread is over
    in a moment, so they share one.
    """
    if scope["type"] == "http" and scope["path"] == _stream_path:
        SyncToAsync.thread_sensitive_context.set(_streams_thread)
    await _django(scope, receive, send)
