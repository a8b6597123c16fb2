"""The addresses of the site, as its resolver knows them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver, get_resolver


def routes(resolver: URLResolver | None = None, prefix: str = "/") -> Iterator[str]:
    """Every address of the site, each argument as `<name>`."""
    for each in (resolver or get_resolver()).url_patterns:
        path = prefix + simplify_regex(str(each.pattern)).removeprefix("/")
        if isinstance(each, URLPattern):
            yield re.sub(r"<\w+:", "<", path)
        else:
            yield from routes(each, path)
