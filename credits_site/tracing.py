"""Traces for an OpenTelemetry collector, where `OTEL_EXPORTER_OTLP_ENDPOINT` names one: requests, and what they call.

A span has what stands here and nothing else: no address, no header, no body, no text of an error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from django.conf import settings
from django.dispatch import receiver

from credits_site.signals import site_starts

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_SERVICE: Final = "instant-credits"

# Takes the route of a request, the status of its answer, and its id in the log.
Tell: TypeAlias = Callable[[str, int, str], object]


@contextmanager
def request_traced() -> Iterator[Tell]:
    """Trace the block as one request, of which it tells the rest."""
    tracer = _tracer()
    if tracer is None:
        yield lambda route, status, request_id: None
        return
    from opentelemetry.trace import SpanKind

    with tracer.start_as_current_span("request", kind=SpanKind.SERVER, record_exception=False) as span:

        def tell(route: str, status: int, request_id: str) -> None:
            span.update_name(route)
            span.set_attributes(
                {"http.route": route, "http.response.status_code": status, "request": request_id}
            )

        yield tell


def trace_call(service: str, outcome: str, seconds: float) -> None:
    """Trace a call that has just ended, as part of the request that this is in."""
    tracer = _tracer()
    if tracer is None:
        return
    from opentelemetry.trace import SpanKind

    end_ns = time.time_ns()
    start_ns = end_ns - int(seconds * 1_000_000_000)
    span = tracer.start_span(
        service, kind=SpanKind.CLIENT, start_time=start_ns, attributes={"outcome": outcome}
    )
    span.end(end_ns)


@receiver(site_starts)
def start(sender: object, **kwargs: Any) -> None:
    """Begin, before the first request does."""
    _tracer()


@cache
def _tracer() -> Tracer | None:
    """None where nobody collects, and where the packages are not there, which `checks.py` says."""
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        return None
    endpoint = f"{settings.OTEL_EXPORTER_OTLP_ENDPOINT.rstrip('/')}/v1/traces"
    provider = TracerProvider(resource=Resource.create({"service.name": _SERVICE}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return provider.get_tracer(__name__)
