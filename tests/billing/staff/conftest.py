"""Who works in the Django admin."""

from __future__ import annotations

from django.contrib.auth.models import Permission, User
from django.test import Client


def browser_of_staff(*permissions: str, name: str = "grace") -> Client:
    """A browser in which staff with these permissions has signed in."""
    staff = User.objects.create_user(name, password="correct horse", is_staff=True)
    staff.user_permissions.set(
        Permission.objects.filter(content_type__app_label="billing", codename__in=permissions)
    )
    client = Client()
    client.force_login(staff)
    return client
