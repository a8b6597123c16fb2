"""Instant's admin API as plain values: requests are built and answers are read here, and nothing is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from uuid import UUID

from instant_admin.client.errors import (
    UNKNOWN,
    InstantBroken,
    InstantBusy,
    InstantError,
    InstantRejected,
    MemberTokenRefused,
    NoSuchRoute,
    NotUnique,
    Refusal,
    SubscriptionLost,
)
from instant_admin.client.types import Tree

# What may not leave an error's text: ids and tokens (both are UUIDs), platform tokens, emails, sign-in codes.
_SECRETS = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b(?:per|pat|prt)_\w+|[^\s\"'<>]+@[^\s\"'<>]+|\b\d{6}\b",
    re.IGNORECASE,
)
_MESSAGE_LIMIT = 300
_LONGEST_RETRY_AFTER_S = 86_400


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose rights a call has: the app's admin, a member, or nobody."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    needs_admin_token: bool = True
    is_member: bool = False


ADMIN = Identity()
GUEST = Identity(headers={"As-Guest": "true"}, needs_admin_token=False)


def member_by_token(refresh_token: str) -> Identity:
    """The member whose refresh token this is. The admin token is not even sent along."""
    return Identity(headers={"As-Token": refresh_token}, needs_admin_token=False, is_member=True)


def member_by_email(email: str) -> Identity:
    """The member with exactly this email, as Instant stores it; for whoever has the admin token."""
    if not email:  # without one, the call would have the rights of the admin
        raise ValueError("a member without an email")
    return Identity(headers={"As-Email": email}, is_member=True)


@dataclass(frozen=True, slots=True)
class Call:
    """One request to be sent, with a `body` of JSON.

    `effect` is what it does to the data: `none` reads, `same` leaves the same whether it is done once or
    twice, `each` does something each time.
    """

    method: str
    path: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    identity: Identity = ADMIN
    effect: Literal["none", "same", "each"] = "each"


def read_answer(call: Call, status: int, body: bytes) -> dict[str, Any]:
    """The JSON object of a good answer; anything else raises the `InstantError` that it means.

    Source: Instant's error shape, `type`, `message`, `hint` and `trace-id` at the top level. To a route that it does
    not have it answers 200 with no body.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if status == 200 and isinstance(answer, dict):
        return answer
    if status == 200 and not body:
        raise NoSuchRoute(f"Instant has no {call.method} {call.path}")
    raise _error(call, status, answer if isinstance(answer, dict) else {})


def read_date(header: str | None) -> datetime | None:
    """The time in a `Date` header, or None for one that is missing or unreadable."""
    try:
        found = None if header is None else parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def uuid_of(value: object) -> UUID:
    """An id that Instant sent, as a UUID; nonsense raises `InstantBroken`."""
    try:
        return UUID(str(value))
    except ValueError:
        raise nonsense("an id that is no UUID") from None


def text_of(row: Mapping[str, Any], name: str) -> str | None:
    """A text that a row may have, None where it is empty or not set; nonsense raises `InstantBroken`."""
    value = row.get(name)
    if not isinstance(value, str | None):
        raise nonsense(f"a {name} that is no text", may_have_been_written=False)
    return value or None


def read_tree(query: Mapping[str, Any], answer: Mapping[str, Any]) -> Tree:
    """The rows of a query's answer. Instant sends every namespace that was asked for, at worst as `[]`."""
    asked = [name for name in query if not name.startswith("$$")]
    if not all(_are_objects(answer.get(name)) for name in asked):
        raise nonsense("a query's answer without all that was asked for", may_have_been_written=False)
    return {name: answer[name] for name in asked}


def _are_objects(rows: object) -> bool:
    return isinstance(rows, list) and all(isinstance(row, dict) for row in rows)


def read_event(query: Mapping[str, Any], text: bytes) -> Tree | None:
    """The tree that one event of a subscription brings, or None. Raises `SubscriptionLost` for an error.

    An event is one message or a list of them; the last tree counts. Unknown kinds of message are skipped.
    Source: `sse-init`, `add-query-ok`, `refresh-ok` and `error` of `POST /admin/subscribe-query`.
    """
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        raise SubscriptionLost("an event was no JSON") from None
    tree = None
    for message in event if isinstance(event, list) else [event]:
        for answer in _answers(message if isinstance(message, dict) else {}):
            tree = read_tree(query, answer if isinstance(answer, dict) else {})
    return tree


def _answers(message: Mapping[str, Any]) -> list[Any]:
    match message.get("op"):
        case "add-query-ok":
            return [message.get("result")]
        case "refresh-ok":
            # None at all when only the app's attributes have changed.
            computations = message.get("computations") or []
            if not _are_objects(computations):
                raise nonsense("a change that is none", may_have_been_written=False)
            return [computation.get("instaql-result") for computation in computations]
        case "error":
            status = message.get("status")
            refusal = _refusal(status if isinstance(status, int) else 500, message)
            raise SubscriptionLost("Instant dropped the query", refusal)
    return []


def nonsense(what: str, *, may_have_been_written: bool = True) -> InstantBroken:
    """The error for an answer that came with status 200 but is not what the API documents."""
    refusal = Refusal(status=200, type="unreadable-answer", messages=(what,))
    return InstantBroken(refusal, may_have_been_written=may_have_been_written)


def _error(call: Call, status: int, answer: Mapping[str, Any]) -> InstantError:
    refusal = _refusal(status, answer)
    if status == 429 and refusal.type == "rate-limited":
        return InstantBusy(refusal)
    # 429 is also how a cancelled statement arrives. A 4xx that is not in Instant's shape comes from
    # something in between, which may have passed the request on before it gave up.
    if not 400 <= status < 500 or status == 429 or "type" not in answer:
        return InstantBroken(refusal, may_have_been_written=call.effect != "none")
    if refusal.type == "record-not-unique" and refusal.record_type != "ident":
        return NotUnique(refusal)
    if call.identity.is_member and refusal.record_type == "app-user":
        return MemberTokenRefused(refusal)
    return InstantRejected(refusal)


def _refusal(status: int, answer: Mapping[str, Any]) -> Refusal:
    raw_hint = answer.get("hint")
    hint: Mapping[str, Any] = raw_hint if isinstance(raw_hint, dict) else {}
    return Refusal(
        status=status,
        type=_word(answer.get("type")) or UNKNOWN,
        record_type=_word(hint.get("record-type")),
        etype=_word(hint.get("etype")),
        label=_word(hint.get("label")),
        condition=_word(hint.get("condition")),
        data_type=_word(hint.get("data-type")),
        messages=_messages(hint.get("errors")),
        trace_id=_word(answer.get("trace-id")),
        retry_after_s=_seconds(hint.get("retry-after")),
    )


def _messages(errors: object) -> tuple[str, ...]:
    if not isinstance(errors, list):
        return ()
    said = [error.get("message") for error in errors[:5] if isinstance(error, dict)]
    return tuple(scrubbed(message) for message in said if isinstance(message, str))


def scrubbed(text: str) -> str:
    """`text` without anything in it that looks like an id, a token, an email or a code."""
    return _SECRETS.sub("…", text)[:_MESSAGE_LIMIT]


def _seconds(value: object) -> int | None:
    # Also none: infinity, which Python's JSON knows.
    return int(value) if isinstance(value, (int, float)) and 0 <= value <= _LONGEST_RETRY_AFTER_S else None


def _word(value: object) -> str:
    return scrubbed(value) if isinstance(value, str) else ""
