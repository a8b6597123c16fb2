"""`manage.py import_ledger`: what `export_ledger` wrote, into an app that nobody has used yet."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from instant_admin.client.errors import InstantError
from instant_admin.client.schema import read_documents
from instant_admin.configured import instant
from instant_admin.moving.load import AppInUse, Import
from instant_admin.moving.rows import Sums, namespaces_of


class Command(BaseCommand):
    help = (
        "Write into the Instant app what is in a folder of `export_ledger`, and compare the two. Run it again after "
        "each export, and after a crash: only what differs is written. Exit code 0: they are the same. "
        "See docs/moving.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *, folder: Path, **options: Any) -> str:
        namespaces = namespaces_of(read_documents(settings.INSTANT_SCHEMA_DIR).schema)
        if not folder.is_dir():
            raise CommandError(f"There is no folder {folder}")
        sums, differences = Sums(), 0
        with (
            closing(Import(instant(), folder, namespaces)) as moving,
            tqdm(desc="Imported", unit=" rows", disable=None, leave=False) as bar,
        ):
            try:
                moving.load(looked_at=bar.update)
                for difference in moving.differences(sums, looked_at=bar.update):
                    differences += 1
                    bar.clear()
                    self.stdout.write(f"{difference}.")
            except AppInUse as exc:
                raise CommandError(str(exc)) from exc
            except InstantError as exc:
                raise CommandError(f"Stopped before the end, run it again: {exc}") from exc
            except (ValueError, KeyError) as exc:
                raise CommandError(f"The folder has what no export wrote: {exc}") from exc
        if differences:
            raise CommandError(f"{sums}. {differences} differences from the folder.")
        return f"{sums}. The same as the folder."
