"""What the site tells programs about itself (OpenAPI), and a page for those who write them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from credits_site.answers import absolute

_DESCRIPTION: Final = Path(__file__).with_name("openapi.json")


@require_safe
@conditional_page
@cache_control(public=True, max_age=3600)
def openapi(request: HttpRequest) -> HttpResponse:
    """Every route that a program may use, as OpenAPI 3.1."""
    return HttpResponse(_DESCRIPTION.read_bytes(), content_type="application/json")


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The same for people, with an example to begin with."""
    context = {"site": absolute(request, ""), "limits": settings.REQUESTS_PER_KEY_PER_MINUTE}
    return render(request, "haikus/api.html", context)
