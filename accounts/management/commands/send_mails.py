"""`manage.py send_mails`: send what waits. Safe from cron, beside the running site, and twice at once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.mails.queue import waiting
from accounts.mails.sending import send_waiting, try_again


class Command(BaseCommand):
    """Prints nothing when there is nothing to do."""

    help = "Send the mails that wait. Safe at any time, also twice at once: each mail is sent by one."

    def add_arguments(self, parser: CommandParser) -> None:
        """What else to send."""
        parser.add_argument("--again", action="store_true", help="also those that were tried too often")

    def handle(self, *, again: bool, **options: Any) -> None:
        """Send them."""
        if again:
            try_again()
        sent, left = send_waiting(), waiting()
        if sent or left.count or left.given_up:
            self.stdout.write(f"{sent} sent, {left.count} waiting, {left.given_up} given up.")
