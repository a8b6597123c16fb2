"""Where everything is mounted."""

from django.contrib import admin
from django.urls import include, path

from credits_site import pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("", include("accounts.urls")),
    path("", include("billing.urls")),
    path("", include("haikus.urls")),
    path("healthz", pages.healthz, name="healthz"),
    path("readyz", pages.readyz, name="readyz"),
    path("admin/", admin.site.urls),
]

handler400 = "credits_site.pages.bad_request"
handler403 = "credits_site.pages.forbidden"
handler404 = "credits_site.pages.not_found"
handler500 = "credits_site.pages.server_error"
