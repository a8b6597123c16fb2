"""The Instant app: the client of Instant's admin API, and the balance store on top of it."""

from django.apps import AppConfig


class InstantAdminConfig(AppConfig):
    """Instant's admin API, and the balance store."""

    name = "instant_admin"

    def ready(self) -> None:
        """Register the checks."""
        from instant_admin import checks  # noqa: F401
        from instant_admin.live_checks import check_instant, register

        register(check_instant)
