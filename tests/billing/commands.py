"""The management commands, as a shell sees them."""

from __future__ import annotations

import io

from django.core.management import CommandError, call_command


def run(command: str, *arguments: str) -> tuple[str, str | None]:
    """What a command prints, and with what it fails."""
    out = io.StringIO()
    try:
        call_command(command, *arguments, stdout=out)
    except CommandError as exc:
        return out.getvalue(), str(exc)
    return out.getvalue(), None
