"""`manage.py serve`: the one way in which the site is started."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from credits_site.server import serve


class Command(BaseCommand):
    """Serves the site, with every guard on, behind a proxy that speaks HTTPS."""

    help = "Serves the site until it is stopped. Checks the settings first."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen, and with how many processes."""
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="the port to listen on (8000)")
        parser.add_argument("--workers", type=int, default=1, help="how many processes (1)")

    def handle(self, *, host: str, port: int, workers: int, **options: Any) -> None:
        """Serve."""
        serve(host=host, port=port, workers=workers)
