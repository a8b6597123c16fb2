"""The billing app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    """Buying credits through Stripe, and what became of them."""

    name = "billing"
    verbose_name = _("Billing")

    def ready(self) -> None:
        """Register the checks and the staff's pages, and listen to the ledger and to who comes and goes."""
        from billing import checks, live_checks, mails, own_data, signals, sweeping, welcome  # noqa: F401
        from billing.audit import last  # noqa: F401
        from billing.counter import tabs  # noqa: F401
        from billing.staff import admin, attention  # noqa: F401
