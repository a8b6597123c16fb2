"""`manage.py instant_push`: the schema and the rules of `instant/` into the live app."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from instant_admin.client.errors import InstantError
from instant_admin.client.schema import SchemaError, push, read_documents
from instant_admin.configured import instant


class Command(BaseCommand):
    help = (
        "Push instant/schema.json and instant/perms.json to the Instant app with its admin token, wait for "
        "Instant's background jobs, read both back and verify them. Only adds to the schema; replaces the "
        "rules. Safe to repeat, and to run on an app that is in use."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="print the plan and change nothing")

    def handle(self, *, dry_run: bool, **options: Any) -> str:
        count = 0
        try:
            for line in push(instant(), read_documents(settings.INSTANT_SCHEMA_DIR), dry_run=dry_run):
                self.stdout.write(line)
                count += 1
        except InstantError as exc:
            raise CommandError(str(exc)) from exc
        except SchemaError as exc:
            raise CommandError("The app is not as it should be: " + "; ".join(exc.problems)) from exc
        if dry_run:
            return f"Dry run, nothing written. {count} changes planned."
        return f"{count} changes made. Schema and rules verified." if count else "Nothing to do. Verified."
