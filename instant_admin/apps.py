"""The Instant app: the client of Instant's admin API, and the balance store on top of it."""

from django.apps import AppConfig


class InstantAdminConfig(AppConfig):
    """Instant's admin API, and the balance store."""

    name = "instant_admin"

    def ready(self) -> None:
        """Register the checks."""
        from instant_admin import checks, live_checks  # noqa: F401
