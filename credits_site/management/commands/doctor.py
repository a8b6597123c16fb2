"""`manage.py doctor`: is everything as it must be before strangers pay?"""

from __future__ import annotations

import json
import logging
import shutil
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, ClassVar, Final

from django.core import checks
from django.core.checks import CheckMessage
from django.core.checks.registry import registry
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import pluralize

from instant_admin.live_checks import LIVE

logger = logging.getLogger(__name__)

_WIDEST: Final = 118
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
        "no trace. Exit code 0: no errors, at most warnings; 1: errors."
    )
    # It runs them itself: a wrong setting must not hide the rest.
    requires_system_checks = ()
    # What `check --deploy` refuses is a warning here: not every site that is looked at is about to go live.
    worst_of_deployment: ClassVar[int] = checks.WARNING

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, *, as_json: bool, **options: Any) -> None:
        # Django keeps no order of its checks. The worst comes last, beside the sum.
        found = _messages(worst_of_deployment=self.worst_of_deployment)
        messages = sorted(found, key=lambda each: (each.level, _name(each), str(each.msg)))
        counts = Counter(map(_level, messages))
        errors = f"{counts['error']} error{pluralize(counts['error'])}"
        if as_json:
            self.stdout.write(json.dumps({"messages": [_as_json(message) for message in messages]}))
        else:
            name_width = max(len(_name(message)) for message in messages)
            for message in messages:
                self._print(_as_json(message), name_width=name_width)
            warnings = f"{counts['warning']} warning{pluralize(counts['warning'])}"
            self.stdout.write(f"{counts['ok']} ok, {warnings}, {errors}.")
        if counts["error"]:
            raise CommandError(errors)

    def _print(self, message: dict[str, str], *, name_width: int) -> None:
        level = message["level"]
        head = f"{level:7}  {message['name']:{name_width}}  "
        margin = " " * len(head)
        width = max(min(shutil.get_terminal_size((_WIDEST, 0)).columns, _WIDEST), len(head) + 20)
        fill = partial(textwrap.fill, width=width, break_long_words=False, break_on_hyphens=False)
        named = f" ({message['id']})" if message["id"] else ""
        text = fill(message["text"] + named, initial_indent=head, subsequent_indent=margin)
        paint = {"error": self.style.ERROR, "warning": self.style.WARNING, "ok": self.style.SUCCESS}[level]
        self.stdout.write(paint(level) + text.removeprefix(level))
        if message["hint"]:
            self.stdout.write(
                fill(message["hint"], initial_indent=f"{margin}→ ", subsequent_indent=f"{margin}  ")
            )


def _messages(*, worst_of_deployment: int) -> Iterator[CheckMessage]:
    """What Django's checks complain of, and whatever the live checks say."""
    system = [(check, checks.CRITICAL) for check in registry.get_checks()]
    deployment = [(check, worst_of_deployment) for check in registry.deployment_checks]
    found = [(message, highest) for check, highest in system + deployment for message in _run(check)]
    complaints = [message for message, _ in found if message.level >= checks.WARNING]
    for message, highest in found:
        message.level = min(message.level, highest)
    yield from complaints or [checks.Info("no complaints")]
    for check in LIVE.get_checks():
        yield from _run(check)


def _run(check: Callable[..., Iterable[CheckMessage]]) -> Iterator[CheckMessage]:
    """What a check says and nobody silenced. One that crashes is an error of its own and stops no other."""
    try:
        for message in check(app_configs=None, databases=None):
            if not message.is_silenced():
                yield message
    except Exception as exc:
        name = getattr(check, "__name__", "check")
        logger.debug("%s failed", name, exc_info=True)
        yield checks.Error(
            # Not the error's own words: nobody knows what an unforeseen error quotes.
            f"the check itself failed ({type(exc).__name__})",
            hint="Nobody foresaw this. Run it again with LOG_LEVEL=DEBUG to see where it happened.",
            obj=name,
            id="credits_site.E100",
        )


def _level(message: CheckMessage) -> str:
    if message.is_serious():
        return "error"
    return "warning" if message.level >= checks.WARNING else "ok"


def _name(message: CheckMessage) -> str:
    """What it is about. A live check says so in `obj`; all others are about the settings."""
    return message.obj if isinstance(message.obj, str) else "Settings"


def _as_json(message: CheckMessage) -> dict[str, str]:
    """A message as plain text, each part in one line."""
    parts = {
        "name": _name(message),
        "level": _level(message),
        "text": message.msg,
        "hint": message.hint or _HINTS.get(message.id or "", ""),
        "id": message.id or "",
    }
    return {part: " ".join(str(text).split()) for part, text in parts.items()}
