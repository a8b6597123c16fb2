"""No credit and no money is in Django's database; what is here only gives staff their pages and permissions.

`attention.py` writes what they should look at, and `audit/last.py` a sum that nothing is decided by.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Member(models.Model):
    """One of Instant's `$users`, for the admin to name, permit and log. There is no such table."""

    id = models.UUIDField(primary_key=True)
    email = models.EmailField()

    class Meta:
        managed = False
        default_permissions = ("view",)
        verbose_name = _("member")
        verbose_name_plural = _("members")
        permissions = (
            ("grant_credits", "Can give a member credits"),
            ("take_credits", "Can take a member's credits"),
            ("reset_credits", "Can reset a member's credits"),
            ("end_sessions", "Can sign a member out everywhere"),
            ("refund_unused", "Can refund what a member has not spent of a purchase"),
        )

    def __str__(self) -> str:
        return self.email


class Attention(models.Model):
    """Something that staff should look at. It says where; the facts are Stripe's and the ledger's.

    `about` is what it is about, such as an id of Stripe's; there is one of each. `detail` says what was seen.
    `closed_by` is who looked at it, and empty where nobody had to.
    """

    class Kind(models.TextChoices):
        """What raised it."""

        FRAUD_WARNING = "fraud_warning", _("Early fraud warning")
        REVIEW = "review", _("Paid, and needs review")
        SELLING_PAUSED = "selling_paused", _("Selling is paused")
        WITHDRAWAL = "withdrawal", _("Withdrawal under way")

    about = models.CharField(max_length=255, unique=True)
    kind = models.CharField(_("kind"), max_length=40, choices=Kind)
    detail = models.CharField(_("detail"), max_length=255)
    payment_id = models.CharField(_("payment id"), max_length=255, blank=True)
    checkout_id = models.CharField(_("checkout id"), max_length=255, blank=True)
    member_id = models.UUIDField(_("member id"), null=True)
    raised_at = models.DateTimeField(_("raised"))
    closed_at = models.DateTimeField(_("closed"), null=True)
    closed_by = models.CharField(_("closed by"), max_length=150, blank=True)

    class Meta:
        default_permissions = ("view",)
        permissions = (("close_attention", "Can close what needs attention"),)
        verbose_name = _("matter that needs attention")
        verbose_name_plural = _("needs attention")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.checkout_id}".rstrip()


class WebhookAnswer(models.Model):
    """When Stripe's webhook was last answered well, and when it was last not, and why."""

    is_good = models.BooleanField(unique=True)
    at = models.DateTimeField()
    detail = models.CharField(max_length=255, blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{'answered' if self.is_good else 'failed'} at {self.at}"


class LastAudit(models.Model):
    """When an audit of everything last came to its end, and what credits all members had then. One row at most."""

    at = models.DateTimeField()
    outstanding = models.BigIntegerField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.outstanding} at {self.at}"
