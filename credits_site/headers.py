"""Requests with headers that Django's parser cannot read. Django alone answers them with 500."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http.multipartparser import MultiPartParserError
from django.utils.http import parse_header_parameters

# What `parse_header_parameters` raises, as for `q*=foo'en'%41` and for `q*=;q*0*=`.
UNREADABLE: Final = (ValueError, TypeError)


class Request(ASGIRequest):
    """Django's request. A Content-Type that cannot be read says nothing, and forms are in UTF-8."""

    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        self.content_type, self.content_params = _content_type(meta.get("CONTENT_TYPE", ""))

    def parse_file_upload(self, META: Mapping[str, Any], post_data: Any) -> Any:
        """As Django does it; a part with a header that cannot be read is a bad request."""
        try:
            return super().parse_file_upload(META, post_data)
        except UNREADABLE as exc:
            raise MultiPartParserError("a part with an unreadable header") from exc


class Handler(ASGIHandler):
    """Django for an ASGI server, with such requests."""

    request_class = Request


def _content_type(header: str) -> tuple[str, dict[str, str]]:
    try:
        kind, params = parse_header_parameters(header)
    except UNREADABLE:
        return "", {}
    is_utf_8 = params.get("charset", "utf-8").lower() in ("utf-8", "utf8")
    return (kind, params) if is_utf_8 else ("", {})
