"""Where everything is mounted."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("billing.urls")),
    path("", include("haikus.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "credits_site.error_pages.bad_request"
handler403 = "credits_site.error_pages.forbidden"
handler404 = "credits_site.error_pages.not_found"
handler500 = "credits_site.error_pages.server_error"
