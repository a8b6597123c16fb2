"""The accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Sign-in by emailed code."""

    name = "accounts"

    def ready(self) -> None:
        """Register the checks, have mails sent once requests are answered, and forget who leaves."""
        from accounts import checks, live_checks  # noqa: F401
        from accounts.mails import queue, sending, wishes  # noqa: F401
