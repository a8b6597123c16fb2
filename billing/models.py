"""No credit and no money is in Django's database; what is here only gives staff their pages and permissions."""

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
