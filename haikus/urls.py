"""The home page, and writing haikus, reading them, throwing them away."""

from django.urls import include, path

from haikus import api, views

_haikus = [
    path("api/generate", views.write, name="write"),
    path("haikus/", views.list_haikus, name="list"),
    path("haikus/undo/", views.undo, name="undo"),
    path("haikus/<uuid:haiku_id>/", views.haiku, name="haiku"),
    path("haikus/<uuid:haiku_id>/cancel/", views.cancel, name="cancel"),
    path("haikus/<uuid:haiku_id>/delete/", views.delete, name="delete"),
]
# The home page and what programs read are the whole site's, so their names have no namespace.
urlpatterns = [
    path("", views.home, name="home"),
    path("api/", api.page, name="api"),
    path("api/openapi.json", api.openapi, name="openapi"),
    path("", include((_haikus, "haikus"))),
]
