"""Where everything is mounted."""

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("billing.urls")),
    path("", include("haikus.urls")),
    path("language/", set_language, name="set_language"),
    path("admin/", admin.site.urls),
]

handler400 = "credits_site.error_pages.bad_request"
handler403 = "credits_site.error_pages.forbidden"
handler404 = "credits_site.error_pages.not_found"
handler500 = "credits_site.error_pages.server_error"
