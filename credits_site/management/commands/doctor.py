"""`manage.py doctor`: is everything as it must be before strangers pay?"""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from django.core import checks
from django.core.checks import CheckMessage
from django.core.management.base import BaseCommand, CommandError, CommandParser

from instant_admin.live_checks import LIVE

_WIDEST: Final = 118
_MARK: Final = "→ "
_LEVELS: Final = {checks.ERROR: "error", checks.WARNING: "warning", checks.INFO: "ok"}
_HTTPS: Final = "Set HTTPS_ONLY=true once the site is reached by https alone."
# Django's deployment checks name its settings and have no hint; these are our variables.
_HINTS: Final = {
    "security.W004": "Set HTTPS_ONLY=true, and HSTS_SECONDS to more than 0.",
    "security.W005": "Set HSTS_SUBDOMAINS_AND_PRELOAD=true if all subdomains speak https too.",
    "security.W008": _HTTPS,
    "security.W009": "Set SECRET_KEY to a long random text; `.env.example` shows how to make one.",
    "security.W012": _HTTPS,
    "security.W016": _HTTPS,
    "security.W018": "Set DEBUG=false where strangers come.",
    "security.W020": "Set ALLOWED_HOSTS to the site's host names.",
    "security.W021": "Set HSTS_SUBDOMAINS_AND_PRELOAD=true if all subdomains speak https too.",
}


class Command(BaseCommand):
    help = (
        "Look at the settings, the database, the cache, mail, Instant and Stripe, and say what is wrong and what to "
        "do about it. Safe at any time: what it makes to try the rules of Instant is deleted again, and it leaves "
        "no trace. Exit code 0: nothing is wrong, at most to be looked at; 1: something is wrong."
    )
    # It runs them itself: a wrong setting must not hide the rest.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, *, as_json: bool, **options: Any) -> None:
        found = [*_settings(), *LIVE.run_checks()]
        counts = Counter(_level(message) for message in found)
        if as_json:
            self.stdout.write(json.dumps({"findings": [_as_json(message) for message in found]}))
        else:
            width = max(len(_name(message)) for message in found)
            for message in found:
                self._print(message, name_width=width)
            warnings = f"{counts['warning']} {'warning' if counts['warning'] == 1 else 'warnings'}"
            self.stdout.write(f"{counts['ok']} ok, {warnings}, {counts['error']} wrong.")
        if counts["error"]:
            raise CommandError(f"{counts['error']} wrong")

    def _print(self, message: CheckMessage, *, name_width: int) -> None:
        level_width = max(map(len, _LEVELS.values()))
        margin = " " * (level_width + name_width + 4)
        room = max(min(shutil.get_terminal_size((_WIDEST, 0)).columns, _WIDEST) - len(margin), 20)
        lines = textwrap.wrap(message.msg, room, break_long_words=False, break_on_hyphens=False)
        if message.hint:
            indent = " " * len(_MARK)
            lines += textwrap.wrap(
                _MARK + message.hint,
                room,
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
        level = _level(message)
        head = f"{self._painted(level, level.ljust(level_width))}  {_name(message).ljust(name_width)}  "
        self.stdout.write(head + f"\n{margin}".join(lines))

    def _painted(self, level: str, text: str) -> str:
        paint = {"error": self.style.ERROR, "warning": self.style.WARNING, "ok": self.style.SUCCESS}
        return paint[level](text) if self.stdout.isatty() else text


def _settings() -> Iterator[CheckMessage]:
    """What Django's system checks say, the ones for a deployment too, and those of our apps."""
    found = [
        message
        for message in checks.run_checks(include_deployment_checks=True)
        if message.level >= checks.WARNING and not message.is_silenced()
    ]
    for message in found:
        # Django explains itself at length; the first sentence has the fact.
        fact = " ".join(re.split(r"(?<=\.)\s", str(message.msg), maxsplit=1)[0].split())
        hint = message.hint or _HINTS.get(message.id or "") or f"Look up {message.id} in Django's manual."
        level = checks.ERROR if message.level >= checks.ERROR else checks.WARNING
        yield CheckMessage(level, f"{fact} ({message.id})", hint=" ".join(str(hint).split()), id=message.id)
    if not found:
        yield checks.Info("no complaints")


def _level(message: CheckMessage) -> str:
    return _LEVELS[message.level]


def _name(message: CheckMessage) -> str:
    return "Settings" if message.obj is None else str(message.obj)


def _as_json(message: CheckMessage) -> dict[str, str]:
    return {
        "name": _name(message),
        "level": _level(message),
        "text": message.msg,
        "hint": message.hint or "",
        "id": message.id or "",
    }
