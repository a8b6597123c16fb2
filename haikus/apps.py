"""The haikus app."""

from django.apps import AppConfig


class HaikusConfig(AppConfig):
    """What the credits buy."""

    name = "haikus"
