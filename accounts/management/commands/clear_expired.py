"""`manage.py clear_expired`: delete sessions, codes, counts and mails that are over. Safe beside the running site."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from accounts.mails.queue import clear_old
from accounts.models import Bucket, SignInCode
from accounts.sessions import SessionStore


class Command(BaseCommand):
    """Nothing that is still good is touched."""

    help = "Delete expired sessions and sign-in codes, limits that count nothing any more, and old mails."

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete them."""
        now = timezone.now()
        SessionStore.clear_expired()
        SignInCode.objects.filter(ends_at__lte=now).delete()
        Bucket.objects.filter(empty_at__lte=now).delete()
        clear_old()
