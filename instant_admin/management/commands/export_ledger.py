"""`manage.py export_ledger`: members, ledger and products of the app into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from instant_admin.client.errors import InstantError
from instant_admin.client.schema import read_documents
from instant_admin.configured import instant
from instant_admin.moving.export import export
from instant_admin.moving.rows import namespaces_of


class Command(BaseCommand):
    help = (
        "Write members, ledger and products of the Instant app into a folder, a file of JSON lines for each. Changes "
        "nothing in the app. Run it again for what is new: also after a crash. See docs/moving.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *, folder: Path, **options: Any) -> str:
        namespaces = namespaces_of(read_documents(settings.INSTANT_SCHEMA_DIR).schema)
        with tqdm(desc="Exported", unit=" rows", disable=None, leave=False) as bar:
            try:
                sums = export(instant(), folder, namespaces, looked_at=bar.update)
            except InstantError as exc:
                raise CommandError(f"Stopped before the end, run it again: {exc}") from exc
        frozen = (
            "" if settings.INSTANT_READ_ONLY else " The app is not frozen, so this is not the last of it."
        )
        return f"{sums}.{frozen}"
