"""Writing haikus, reading them, throwing them away."""

from django.urls import path

from haikus import views

app_name = "haikus"
urlpatterns = [
    path("api/generate", views.write, name="write"),
    path("haikus/", views.shelf, name="shelf"),
    path("haikus/<uuid:haiku_id>/delete/", views.delete, name="delete"),
]
