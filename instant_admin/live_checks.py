"""Checks that ask an outside service, and the one of them that asks Instant.

They are Django system checks in a registry of their own: Django runs everything in its registry at every command, and
these take seconds. `manage.py doctor` runs them. Each names in `obj` what it looked at, yields an `Info` for what is
well, and stops where the rest would only repeat an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning
from django.core.checks.registry import CheckRegistry

from instant_admin.client.errors import (
    InstantBroken,
    InstantBusy,
    InstantError,
    InstantRejected,
    InstantUnreachable,
    NoSuchRoute,
)
from instant_admin.client.schema import read_documents, schema_differences
from instant_admin.configured import instant
from instant_admin.ledger.guards import missing_guards
from instant_admin.rules_probe import LeftBehind, find_open_rules

LIVE: Final = CheckRegistry()

# Stripe's signatures are refused when they are 300 s old: by then it is too late to say so.
SKEW_TO_WARN: Final = timedelta(seconds=60)
SKEW_TO_FAIL: Final = timedelta(seconds=240)

_PUSH: Final = "Run `manage.py instant_push`"
_CLOSED: Final = ("app-read-only", "app-disabled")
_UNKNOWN_APP: Final = ("param-missing", "param-malformed", "record-not-found")
_NAMED_AT_MOST: Final = 4


def compare_clocks(
    name: str, theirs: datetime | None, *, asked: datetime, answered: datetime
) -> CheckMessage:
    """How far our clock is from that of a server that said its time between `asked` and `answered`."""
    if theirs is None:
        text, hint = "the server does not say its time", "Have this machine's clock set by NTP."
        return Warning(text, hint=hint, obj=name, id="instant_admin.W106")
    # Its header is in whole seconds, so half of one passed since on average.
    skew = asked + (answered - asked) / 2 - (theirs + timedelta(milliseconds=500))
    # A slow answer leaves as much doubt.
    certain = max(abs(skew) - (answered - asked) / 2, timedelta(0))
    seconds = round(skew.total_seconds())
    if certain <= SKEW_TO_WARN:
        return Info(f"within {max(abs(seconds), 1)} s of ours", obj=name)
    text = f"this machine's clock is {abs(seconds)} s {'ahead' if seconds > 0 else 'behind'}"
    hint = "Have the clocks set by NTP: what is signed more than 300 s ago is refused."
    if certain > SKEW_TO_FAIL:
        return Error(text, hint=hint, obj=name, id="instant_admin.E107")
    return Warning(text, hint=hint, obj=name, id="instant_admin.W107")


# Instant


@LIVE.register
def check_instant(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    """The server, the app, and whether its rules are really closed.

    What stands on something that does not work is not asked. Two members are made for a moment, at addresses that
    nobody can have.
    """
    step = "Instant"
    try:
        asked = datetime.now(UTC)
        theirs = instant().check_health()
        yield Info(f"answers at {instant().api_uri}", obj=step)
        yield compare_clocks("Instant's clock", theirs, asked=asked, answered=datetime.now(UTC))
        step = "Instant token"
        instant().query({"$users": {"$": {"limit": 1, "fields": ["id"]}}})
        yield Info("opens the app", obj=step)
        step = "Instant schema"
        yield from _check_schema(instant().schema())
        step = "Instant writes"
        instant().transact([])
        yield Info("taken", obj=step)
        step = "Instant rules"
        yield from _check_rules()
    except InstantError as exc:
        yield Error(str(exc), hint=_hint(exc), obj=step, id="instant_admin.E101")


def _check_schema(live: dict[str, Any]) -> Iterator[CheckMessage]:
    """What keeps a payment from being credited twice is really unique, and all of `schema.json` is there."""
    missing = missing_guards(live)
    hint = (
        f"{_PUSH} and let it wait for Instant's jobs. If it says that a job failed, two rows have one value; "
        "no credit is moved until that is corrected."
    )
    yield from (Error(text, hint=hint, obj="Unique keys", id="instant_admin.E102") for text in missing)
    if not missing:
        text = "creditEntries.key and creditEntries.slot are unique, and no job is pending"
        yield Info(text, obj="Unique keys")
    problems = schema_differences(live, read_documents(settings.INSTANT_SCHEMA_DIR))
    if problems:
        more = len(problems) - _NAMED_AT_MOST
        named = ", ".join(problems[:_NAMED_AT_MOST]) + (f", and {more} more" if more > 0 else "")
        yield Error(named, hint=f"{_PUSH}.", obj="Instant schema", id="instant_admin.E103")
    else:
        yield Info("all of schema.json is there", obj="Instant schema")


def _check_rules() -> Iterator[CheckMessage]:
    """Nobody but the server can write, and nobody can read what is another's."""
    documents = read_documents(settings.INSTANT_SCHEMA_DIR)
    found = []
    hint = f"{_PUSH}, once instant/perms.json itself forbids it."
    try:
        for text in find_open_rules(instant(), documents, now=datetime.now(UTC), new_id=uuid4):
            found.append(text)
            yield Error(text, hint=hint, obj="Instant rules", id="instant_admin.E104")
    except LeftBehind as exc:
        left = f"Delete the members at {exc.word}.invalid and what names {exc.word} in Instant's dashboard."
        text = "what was made to try the rules could not be deleted again"
        yield Error(text, hint=left, obj="Instant rules", id="instant_admin.E105")
        return
    if not found:
        text = "a guest and two members tried what they must not, and were refused"
        yield Info(text, obj="Instant rules")
        if instant().perms() != documents.perms:
            text = "they are not those of instant/perms.json"
            yield Error(text, hint=f"{_PUSH}.", obj="Instant rules", id="instant_admin.E106")


def _hint(exc: InstantError) -> str:
    match exc:
        case InstantUnreachable():
            return "Start Instant, or correct INSTANT_API_URI."
        case InstantBusy():
            return "Wait a minute, then run this again."
        case InstantRejected(refusal=refusal) if refusal.type in _CLOSED:
            return "Have the app opened again in Instant's dashboard; until then no credit can move."
        case InstantRejected(refusal=refusal) if refusal.type in _UNKNOWN_APP:
            return "Copy INSTANT_APP_ID and INSTANT_APP_ADMIN_TOKEN from Instant's dashboard."
        case InstantBroken() | NoSuchRoute():
            return "Look into Instant's own log, and check that INSTANT_API_URI leads to Instant."
        case _:
            return f"{_PUSH}, then this again."
