"""The application that `manage.py serve` runs.

A request passes the gate, and then goes to whoever answers it with the least: a probe to nobody, the numbers to whom
may read them, a file to servestatic, a stream to Django on the loop, anything else to Django in one of a fixed number
of threads.
"""

import asyncio
import gc
import os
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import django
from asgiref.sync import SyncToAsync, ThreadSensitiveContext
from django.apps import apps
from django.conf import settings
from django.urls import reverse

# A full collection of garbage takes a second when thousands of streams are open, and nobody is answered meanwhile.
# To tell them all takes so many objects at once that, above Python's own threshold of 700, they count as long-lived,
# and it collects again and again.
gc.set_threshold(50_000)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "credits_site.settings")
# Under `manage.py` it is ready; once more, and the log would lose what has been added to it since.
if not apps.ready:
    django.setup(set_prefix=False)

from credits_site import descriptors  # noqa: E402
from credits_site.gate import Gate  # noqa: E402
from credits_site.headers import Handler  # noqa: E402
from credits_site.health import HEALTHZ, Probes  # noqa: E402
from credits_site.metrics import METRICS, Metrics  # noqa: E402
from credits_site.plain_text import Application, Receive, Send  # noqa: E402
from credits_site.signals import site_starts, site_stops  # noqa: E402
from credits_site.static_files import StaticFiles  # noqa: E402
from credits_site.stopping import keeps_nobody, stop_in_order  # noqa: E402
from credits_site.threads import ThreadedHandler  # noqa: E402

STREAM = reverse("billing:credits_stream")
WEBHOOK = reverse("billing:webhook")


def site(threads: Executor) -> Gate:
    """The whole site, with Django in these threads."""
    return Gate(
        Probes(Metrics(StaticFiles(_django(threads)))),
        body_limits_bytes=dict.fromkeys((WEBHOOK, f"{WEBHOOK}/"), 1024 * 1024),
        streams={STREAM},
        uncounted={HEALTHZ, METRICS},
    )


def _django(threads: Executor) -> Application:
    streaming, threaded = Handler(), ThreadedHandler(threads)
    # Django would keep a thread for each stream until it ends. What they have to do in one is over in a moment.
    streams_thread = ThreadSensitiveContext()

    async def application(scope: Any, receive: Receive, send: Send) -> None:
        if scope["path"] != STREAM:
            await threaded(scope, receive, send)
            return
        SyncToAsync.thread_sensitive_context.set(streams_thread)
        await streaming(scope, receive, send)

    return application


site_starts.send(sender=site)


async def _until_the_end(receive: Receive, send: Send) -> None:
    """Tell those who have something to finish that the process stops. Source: ASGI, "Lifespan Protocol"."""
    await receive()
    stop_in_order()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await asyncio.to_thread(site_stops.send_robust, sender=site)
    await send({"type": "lifespan.shutdown.complete"})


def _with_an_end(gate: Gate) -> Application:
    answer = keeps_nobody(gate)

    async def application(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _until_the_end(receive, send)
        else:
            await answer(scope, receive, send)

    return application


application = _with_an_end(site(ThreadPoolExecutor(min(settings.SITE_THREADS, descriptors.for_threads()))))
