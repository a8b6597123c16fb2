"""`manage.py delete_account <email or id>`: delete an account, for a member who asked for it in another way."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.account.deleting import delete_account
from accounts.emails import as_stored
from credits_site.outages import OUTAGES
from instant_admin.client.protocol import text_of, uuid_of
from instant_admin.client.types import Query
from instant_admin.configured import instant


class Command(BaseCommand):
    """Does what the member's own page does."""

    help = (
        "Delete an account with everything in it, at once and for good. By the id also what is left of one that was "
        "deleted in another way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose account, and whether to ask."""
        parser.add_argument("member", help="the email or the id of the member")
        parser.add_argument("--no-input", action="store_true", help="do not ask whether this is meant")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask, and delete it."""
        try:
            member_id, email = _found(options["member"])
            if not options["no_input"] and input(f"Type yes to delete {email or member_id}: ") != "yes":
                raise CommandError("Nothing was deleted.")
            delete_account(member_id, email=email)
        except OUTAGES as exc:
            raise CommandError(f"{exc}. What was deleted before that stays so; run this again.") from exc
        self.stdout.write(f"Deleted: {member_id}")


def _found(named: str) -> tuple[UUID, str]:
    """The id and the email of a member; of one who is gone the id alone."""
    where: Query
    try:
        member_id, where = UUID(named), {"id": named}
    except ValueError:
        member_id, where = None, {"email": {"$in": [named, as_stored(named)]}}
    rows = instant().query({"$users": {"$": {"where": where}}})["$users"]
    if rows:
        return uuid_of(rows[0]["id"]), text_of(rows[0], "email") or ""
    if member_id is None:
        raise CommandError(f"There is no member {named}")
    return member_id, ""
