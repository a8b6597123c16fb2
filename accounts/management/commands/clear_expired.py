"""`manage.py clear_expired`: delete sessions, codes and counts that are over. Safe beside the running site."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from accounts.models import Bucket, SignInCode
from accounts.sessions import SessionStore


class Command(BaseCommand):
    """Nothing that is still good is touched."""

    help = "Delete expired sessions and sign-in codes, and limits that count nothing any more."

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete them."""
        now = timezone.now()
        SessionStore.clear_expired()
        SignInCode.objects.filter(ends_at__lte=now).delete()
        Bucket.objects.filter(empty_at__lte=now).delete()
