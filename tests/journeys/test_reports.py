"""What Sentry and an OpenTelemetry collector are sent, and what they are not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from sandbox.world import World
from tests.drivers.collector import Collector, collecting
from tests.drivers.faults import Faults
from tests.drivers.member import MemberClient
from tests.drivers.waiting import await_that
from tests.drivers.worlds import BACK_AT_ONCE, running_world

pytestmark = pytest.mark.deep

TRACES, ERRORS = "/v1/traces", "/api/1/envelope/"
TOPIC = "a walk in the rain"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[World]:
    """A site that reports its errors and traces, at once."""
    env = BACK_AT_ONCE | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "HAIKU_GENERATOR": "json.loads",  # which takes no topic
        "SENTRY_DSN": collector.url.replace("://", "://key@") + "/1",
    }
    with running_world(tmp_path_factory.mktemp("world"), env=env) as world:
        yield world


def spans(collector: Collector) -> list[Span]:
    sent = [ExportTraceServiceRequest.FromString(body) for body in list(collector.bodies[TRACES])]
    return [
        span
        for each in sent
        for resource in each.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def private_of(member: MemberClient) -> list[str]:
    return [member.email, TOPIC, *member.http.cookies.values()]


def test_a_request_is_one_trace_with_the_calls_that_it_made(collector: Collector, ada: MemberClient) -> None:
    request_id = ada.http.headers["X-Request-ID"] = uuid4().hex

    def written() -> Span | None:
        known = (span for span in spans(collector) if span.name == "haikus:write")
        return next((span for span in known if request_id in str(span.attributes)), None)

    assert ada.write(TOPIC).status_code == 402
    await_that(written)
    root = written()
    assert root is not None
    attributes = {each.key: each.value for each in root.attributes}
    assert attributes["http.response.status_code"].int_value == 402
    calls = [span for span in spans(collector) if span.parent_span_id == root.span_id]
    assert {span.name for span in calls} == {"instant"}
    assert all(root.start_time_unix_nano <= span.start_time_unix_nano for span in calls)
    told = collector.all(TRACES)
    assert [text for text in private_of(ada) if text.encode() in told] == []


def reported(collector: Collector, request_id: str, *, by: str) -> dict[str, Any]:
    """The error that a logger reported of a request."""

    def found() -> list[dict[str, Any]]:
        lines = collector.all(ERRORS).splitlines()
        events = [json.loads(line) for line in lines if b'"logger"' in line]
        return [
            event for event in events if (event["logger"], event["tags"].get("request")) == (by, request_id)
        ]

    await_that(found)
    return found()[0]


def test_an_outage_is_reported_with_the_ids_of_its_line_in_the_log(
    collector: Collector, ada: MemberClient, instant_faults: Faults
) -> None:
    request_id = ada.http.headers["X-Request-ID"] = uuid4().hex
    instant_faults.add("refuse", "/admin/", times=None)
    assert ada.write(TOPIC).status_code == 503
    event = reported(collector, request_id, by="credits_site.outages")
    assert (event["level"], set(event["tags"])) == ("error", {"request", "member"})
    assert [text for text in private_of(ada) if text.encode() in collector.all(ERRORS)] == []


def test_a_mistake_of_ours_is_reported_with_its_lines_and_not_with_what_they_were_about(
    collector: Collector, ada_with_ten_credits: MemberClient
) -> None:
    ada = ada_with_ten_credits
    request_id = ada.http.headers["X-Request-ID"] = uuid4().hex
    assert ada.write(TOPIC).status_code == 500
    await_that(lambda: b"TypeError" in collector.all(ERRORS))
    event = reported(collector, request_id, by="django.request")
    assert ("extra" in event, set(event["logentry"])) == (False, {"message", "formatted"})
    (error,) = event["exception"]["values"]
    assert error["type"] == "TypeError"
    assert "haikus/store.py" in [frame["filename"] for frame in error["stacktrace"]["frames"]]
    assert [text for text in private_of(ada) if text.encode() in collector.all(ERRORS)] == []
