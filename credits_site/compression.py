"""Smaller pages."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class CompressionMiddleware(GZipMiddleware):
    """Compresses what is whole, by a random length more or less, so that its size gives no secret away (BREACH).

    The events of a stream would wait in the compressor until there are many.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Compress it if it is worth it and the browser can read it."""
        return response if response.streaming else super().process_response(request, response)
