"""The site: what every page needs."""

from django.apps import AppConfig

from instant_admin.live_checks import register


class CreditsSiteConfig(AppConfig):
    """Pages, errors, health, and whether all that is well."""

    name = "credits_site"

    def ready(self) -> None:
        """Register the live checks."""
        from credits_site.live_checks import check_cache, check_database, check_mail

        for check in (check_database, check_cache, check_mail):
            register(check)
