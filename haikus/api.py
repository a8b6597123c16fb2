"""What the site tells programs about itself (OpenAPI), and a page for those who write them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from accounts.keys.making import Scope
from accounts.keys.programs import for_programs
from credits_site.answers import absolute

_DESCRIPTION: Final = Path(__file__).with_name("openapi.json")


@for_programs(Scope.READ)
@require_safe
@conditional_page
@cache_control(public=True, max_age=3600)
def openapi(request: HttpRequest) -> HttpResponse:
    """Every route that a program may use, as OpenAPI 3.1."""
    return HttpResponse(_DESCRIPTION.read_bytes(), content_type="application/json")


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The same for people, with an example to begin with."""
    return render(request, "haikus/api.html", {"write": absolute(request, reverse("haikus:write"))})
