"""The site: what every page needs."""

from django.apps import AppConfig


class CreditsSiteConfig(AppConfig):
    """Pages, errors, health, and whether all that is well."""

    name = "credits_site"

    def ready(self) -> None:
        """Register the checks."""
        from credits_site import checks, live_checks  # noqa: F401
