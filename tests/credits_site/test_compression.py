"""Pages are compressed, streams are not."""

from __future__ import annotations

import gzip

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import Client, RequestFactory

from credits_site.compression import CompressionMiddleware

READS_GZIP = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.mark.django_db
def test_a_page_is_compressed_for_a_browser_that_reads_it() -> None:
    plain, packed = Client().get("/sign-in/"), Client().get("/sign-in/", headers=READS_GZIP)
    assert "Content-Encoding" not in plain
    assert packed["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed["Vary"]
    assert b"Sign in" in gzip.decompress(packed.content)
    assert len(packed.content) * 3 < len(plain.content) * 2


@pytest.mark.parametrize(
    ("response", "is_packed"),
    [(StreamingHttpResponse([b"a" * 1000]), False), (HttpResponse("a" * 1000), True)],
)
def test_a_stream_is_left_alone(response: HttpResponseBase, is_packed: bool) -> None:
    asked = RequestFactory().get("/", headers=READS_GZIP)
    answer = CompressionMiddleware(lambda request: response).process_response(asked, response)
    assert answer.has_header("Content-Encoding") is is_packed
