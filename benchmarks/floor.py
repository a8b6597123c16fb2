"""What `benchmarks/processor.py` measures against: a bare Django view with one call of the Instant client.

`uvicorn benchmarks.floor:application` serves it at `/floor` as a new Django project would be, with no middleware.
"""

from __future__ import annotations

import os

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from instant_admin.configured import instant


def floor(request: HttpRequest) -> HttpResponse:
    """One row of Instant, as JSON."""
    return JsonResponse(instant().query({"$users": {"$": {"limit": 1, "fields": ["id"]}}}))


urlpatterns = [path("floor", floor)]

os.environ["DJANGO_SETTINGS_MODULE"] = "credits_site.settings"
settings.MIDDLEWARE = []
settings.ROOT_URLCONF = __name__
application = get_asgi_application()
