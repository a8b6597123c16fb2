"""`manage.py credits`: give or take credits from a terminal, or from a script that keeps its own keys."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.emails import as_stored
from billing.errors import RequestIdReused, UnknownMember
from billing.forms import MOST_CREDITS
from billing.staff.credits import Action, done_text, move_credits
from billing.staff.search import members_called
from credits_site.outages import OUTAGES, outage_message
from instant_admin.ledger.rules import OutOfCredits

_ACTIONS = {"give": Action.GRANT, "take": Action.TAKE}


class Command(BaseCommand):
    help = (
        "Give a member credits, or take some that they have. Each is an entry in the ledger with who and why. "
        "The same --key again does nothing more. Exit code 0: done, now or before; 1: not done, or not confirmed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=_ACTIONS)
        parser.add_argument("--to", required=True, metavar="MEMBER", help="their email, or their id")
        parser.add_argument("--credits", required=True, type=int, metavar="N", help="how many, at least 1")
        parser.add_argument(
            "--reason", required=True, help="kept in the member's history, where they read it"
        )
        parser.add_argument("--actor", required=True, help="who does it")
        parser.add_argument("--key", help="what must not happen twice, such as the number of a ticket")

    def handle(
        self, *, action: str, to: str, credits: int, reason: str, actor: str, key: str | None, **options: Any
    ) -> None:
        if not 1 <= credits <= MOST_CREDITS:
            raise CommandError(f"--credits is a number from 1 to {MOST_CREDITS}.")
        cause = key or str(uuid4())
        try:
            member = members_called([to]).get(as_stored(to))
            if member is None:
                raise UnknownMember
            entry = move_credits(
                _ACTIONS[action],
                member_id=member.id,
                credits=credits,
                reason=reason,
                staff_name=actor,
                cause=cause,
            )
        except UnknownMember as exc:
            raise CommandError(f"There is no member {to}") from exc
        except RequestIdReused as exc:
            raise CommandError(f"--key {cause} has done something else before. Nothing was done.") from exc
        except OutOfCredits as exc:
            raise CommandError(f"{to} has {exc.balance} credits; no more can be taken.") from exc
        except OUTAGES as exc:
            said = outage_message(exc, writing=True)
            raise CommandError(f"{exc}. {said} The same request has --key {cause}") from exc
        self.stdout.write(f"{to}: {done_text(entry)} ({entry.key}).")
