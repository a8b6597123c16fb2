"""The site: what every page needs."""

from django.apps import AppConfig


class CreditsSiteConfig(AppConfig):
    """Pages, errors, health, and whether all that is well."""

    name = "credits_site"

    def ready(self) -> None:
        """Register the checks, and begin to count and to report."""
        from credits_site import checks, error_reports, live_checks, measured, metrics  # noqa: F401

        error_reports.start()
