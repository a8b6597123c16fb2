"""The haikus app: the product."""

from django.apps import AppConfig

from billing.products import register
from credits_site.signals import site_starts


class HaikusConfig(AppConfig):
    """What the credits buy."""

    name = "haikus"

    def ready(self) -> None:
        """Have haikus for sale."""
        from haikus.store import HAIKU, generator

        register(HAIKU)
        # What it needs to know takes a tenth of a second to read, which nobody's first haiku should take longer.
        site_starts.connect(lambda **sent: generator(), weak=False, dispatch_uid="haikus")
