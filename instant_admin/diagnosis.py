"""What `manage.py doctor` asks Instant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.conf import settings

from instant_admin.client.errors import (
    InstantBroken,
    InstantBusy,
    InstantError,
    InstantRejected,
    InstantUnreachable,
)
from instant_admin.client.schema import read_documents, schema_differences
from instant_admin.configured import instant
from instant_admin.findings import Check, Finding, Now, compare_clocks, ok, wrong
from instant_admin.ledger.guards import missing_guards
from instant_admin.rules_probe import LeftBehind, NewId, open_doors

SERVER: Final = "Instant"
CLOCK: Final = "Instant's clock"
TOKEN: Final = "Instant token"  # noqa: S105  the name of a row
WRITES: Final = "Instant writes"
KEYS: Final = "Unique keys"
SCHEMA: Final = "Instant schema"
RULES: Final = "Instant rules"

_PUSH: Final = "Run `manage.py instant_push`"
_CLOSED: Final = ("app-read-only", "app-disabled")
_UNKNOWN_APP: Final = ("param-missing", "param-malformed", "record-not-found")
_NAMED_AT_MOST: Final = 4


def checks(*, now: Now, new_id: NewId) -> tuple[Check, ...]:
    """The rows about Instant. Two members are made for a moment, at addresses that nobody can have."""
    return (
        Check(SERVER, look_at_server),
        Check(CLOCK, lambda: look_at_clock(now), needs=(SERVER,)),
        Check(TOKEN, look_at_token, needs=(SERVER,)),
        Check(WRITES, look_at_writes, needs=(TOKEN,)),
        Check(KEYS, look_at_keys, needs=(TOKEN,)),
        Check(SCHEMA, look_at_schema, needs=(TOKEN,)),
        Check(RULES, lambda: look_at_rules(now(), new_id), needs=(TOKEN, WRITES)),
    )


def look_at_server() -> Iterator[Finding]:
    """It is there, and well."""
    try:
        instant().check_health()
        yield ok(SERVER, f"answers at {instant().api_uri}")
    except InstantError as exc:
        yield _failed(SERVER, exc)


def look_at_clock(now: Now) -> Iterator[Finding]:
    """Its clock and ours agree."""
    asked = now()
    try:
        theirs = instant().check_health()
        yield compare_clocks(CLOCK, theirs, asked=asked, answered=now())
    except InstantError as exc:
        yield _failed(CLOCK, exc)


def look_at_token() -> Iterator[Finding]:
    """The app is there, and the token is its."""
    try:
        instant().query({"$users": {"$": {"limit": 1, "fields": ["id"]}}})
        yield ok(TOKEN, "opens the app")
    except InstantError as exc:
        yield _failed(TOKEN, exc)


def look_at_writes() -> Iterator[Finding]:
    """The app is open for writing."""
    try:
        instant().transact([])
        yield ok(WRITES, "taken")
    except InstantError as exc:
        yield _failed(WRITES, exc)


def look_at_keys() -> Iterator[Finding]:
    """What keeps a payment from being credited twice is really unique, also for rows that were there before."""
    try:
        missing = missing_guards(instant().schema())
    except InstantError as exc:
        yield _failed(KEYS, exc)
        return
    for problem in missing:
        remedy = (
            f"{_PUSH} and let it wait for Instant's jobs. If it says that a job failed, two rows have one "
            "value; no credit is moved until that is mended."
        )
        yield wrong(KEYS, problem, remedy)
    if not missing:
        yield ok(KEYS, "creditEntries.key and creditEntries.slot are unique, and no job is pending")


def look_at_schema() -> Iterator[Finding]:
    """All of `schema.json` is there."""
    try:
        problems = schema_differences(instant().schema(), read_documents(settings.INSTANT_SCHEMA_DIR))
    except InstantError as exc:
        yield _failed(SCHEMA, exc)
        return
    if not problems:
        yield ok(SCHEMA, "all of schema.json is there")
        return
    named = ", ".join(problems[:_NAMED_AT_MOST])
    more = len(problems) - _NAMED_AT_MOST
    yield wrong(SCHEMA, f"{named}, and {more} more" if more > 0 else named, f"{_PUSH}.")


def look_at_rules(now: datetime, new_id: NewId) -> Iterator[Finding]:
    """Nobody but the server can write, and nobody can read what is another's."""
    documents = read_documents(settings.INSTANT_SCHEMA_DIR)
    found = []
    try:
        for door in open_doors(instant(), documents, now=now, new_id=new_id):
            found.append(door)
        if not found:
            yield ok(RULES, "a guest and two members tried what they must not, and were refused")
    except InstantError as exc:
        yield _failed(RULES, exc)
    except LeftBehind as exc:
        remedy = f"Delete the members at {exc.word}.invalid and what names {exc.word} in Instant's dashboard."
        yield wrong(RULES, "what was made to try the rules could not be deleted again", remedy)
    for door in found:
        yield wrong(RULES, door, "Run `manage.py instant_push`, once instant/perms.json itself forbids it.")


def _failed(row: str, exc: InstantError) -> Finding:
    return wrong(row, str(exc), _remedy(exc))


def _remedy(exc: InstantError) -> str:
    match exc:
        case InstantUnreachable():
            return "Start Instant, or correct INSTANT_API_URI."
        case InstantBusy():
            return "Wait a minute, then run this again."
        case InstantRejected(refusal=refusal) if refusal.type in _CLOSED:
            return "Have the app opened again in Instant's dashboard; until then no credit can move."
        case InstantRejected(refusal=refusal) if refusal.type in _UNKNOWN_APP:
            return "Copy INSTANT_APP_ID and INSTANT_APP_ADMIN_TOKEN from Instant's dashboard."
        case InstantBroken():
            return "Look into Instant's own log, and check that INSTANT_API_URI leads to Instant."
        case _:
            return f"{_PUSH}, then this again."
