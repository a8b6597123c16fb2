"""No credit and no money is in Django's database; what is here only gives staff their pages and permissions.

`attention.py` writes what they should look at.
"""

from django.db import models


class Member(models.Model):
    """One of Instant's `$users`, for the admin to name, permit and log. There is no such table."""

    id = models.UUIDField(primary_key=True)
    email = models.EmailField()

    class Meta:
        managed = False
        default_permissions = ("view",)
        permissions = (
            ("reset_credits", "Can reset a member's credits"),
            ("end_sessions", "Can sign a member out everywhere"),
        )

    def __str__(self) -> str:
        return self.email


class Attention(models.Model):
    """Something that staff should look at. It says where; the facts are Stripe's and the ledger's.

    `about` is Stripe's id of what raised it, `detail` Stripe's own word for it. `closed_by` is who looked at it, and
    empty where nobody had to.
    """

    class Kind(models.TextChoices):
        """What raised it."""

        FRAUD_WARNING = "fraud_warning", "Early fraud warning"
        WITHDRAWAL = "withdrawal", "Withdrawal under way"

    about = models.CharField(max_length=255, unique=True)
    kind = models.CharField(max_length=40, choices=Kind)
    detail = models.CharField(max_length=255)
    payment_id = models.CharField("payment id", max_length=255)
    checkout_id = models.CharField("checkout id", max_length=255)
    member_id = models.UUIDField("member id")
    raised_at = models.DateTimeField("raised")
    closed_at = models.DateTimeField("closed", null=True)
    closed_by = models.CharField(max_length=150, blank=True)

    class Meta:
        default_permissions = ("view",)
        permissions = (("close_attention", "Can close what needs attention"),)
        verbose_name = "matter that needs attention"
        verbose_name_plural = "needs attention"

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.checkout_id}"
