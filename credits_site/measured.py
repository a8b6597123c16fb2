"""What takes time: requests, and calls to other services."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from credits_site.metrics import CALL_SECONDS, REQUEST_SECONDS, REQUESTS
from credits_site.tracing import request_traced, trace_call
from instant_admin.configured import instant_called

OK: Final = "ok"
REFUSED: Final = "refused"
FAILED: Final = "failed"
# The route of what no view answered, such as an address that does not exist.
_NO_ROUTE: Final = "none"


class MeasuringMiddleware:
    """Counts and traces each request, and how long it took to begin its answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started_s = time.perf_counter()
        with request_traced() as tell:
            response = self.get_response(request)
            route = request.resolver_match.view_name if request.resolver_match else _NO_ROUTE
            tell(route, response.status_code, response["X-Request-ID"])
        REQUESTS.labels(route, response.status_code).inc()
        REQUEST_SECONDS.labels(route).observe(time.perf_counter() - started_s)
        return response


@dataclass(slots=True)
class Call:
    """A call under way. `status` is that of its HTTP answer, where whoever calls sees one."""

    status: int | None = None


@contextmanager
def outside_call(service: str) -> Iterator[Call]:
    """Count the block as one call to a service. Without a `status` it went well unless it raises."""
    call, started_s = Call(), time.perf_counter()
    try:
        yield call
    except Exception:
        _note_call(service, FAILED, time.perf_counter() - started_s)
        raise
    outcome = OK if call.status is None else outcome_of(call.status)
    _note_call(service, outcome, time.perf_counter() - started_s)


def outcome_of(status: int | None) -> str:
    """What an HTTP status says of a call: the service did what was asked, would not, or could not."""
    if status is None or status >= 500:
        return FAILED
    return REFUSED if status >= 400 else OK


@receiver(instant_called)
def _note_instant(*, status: int | None, seconds: float, **kwargs: Any) -> None:
    _note_call("instant", outcome_of(status), seconds)


def _note_call(service: str, outcome: str, seconds: float) -> None:
    CALL_SECONDS.labels(service, outcome).observe(seconds)
    trace_call(service, outcome, seconds)
