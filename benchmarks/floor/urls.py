"""The addresses of the site, and the floor."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from credits_site.urls import urlpatterns as urls_of_the_site
from instant_admin.configured import instant


def floor(request: HttpRequest) -> HttpResponse:
    """One row of Instant, as JSON."""
    return JsonResponse(instant().query({"$users": {"$": {"limit": 1, "fields": ["id"]}}}))


urlpatterns = [path("floor", floor), *urls_of_the_site]
