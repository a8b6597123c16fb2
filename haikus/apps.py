"""The haikus app: the product."""

from django.apps import AppConfig

from billing.products import register


class HaikusConfig(AppConfig):
    """What the credits buy."""

    name = "haikus"

    def ready(self) -> None:
        """Have haikus for sale."""
        from haikus.store import HAIKU

        register(HAIKU)
