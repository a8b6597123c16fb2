"""The accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Sign-in by emailed code."""

    name = "accounts"

    def ready(self) -> None:
        """Register the checks."""
        from accounts import checks  # noqa: F401
