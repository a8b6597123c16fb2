"""Fields of what Stripe sends, held to the types that Stripe documents.

What is missing or of another type raises `UnusableAnswer`: whoever guesses a refund gives money away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import stripe

from billing.errors import StripeUnavailable

T = TypeVar("T")


class UnusableAnswer(StripeUnavailable):
    """Stripe answered, but not what it documents."""


def read(answer: object, name: str, kind: type[T]) -> T:
    """A field that is always there."""
    found = read_or_none(answer, name, kind)
    if found is None:
        raise UnusableAnswer(f"Stripe sent no {name}")
    return found


def read_or_none(answer: object, name: str, kind: type[T]) -> T | None:
    """A field that may be null or missing."""
    value = _value(answer, name)
    # Not `isinstance`: a truth value is no number.
    if value is not None and type(value) is not kind:
        raise UnusableAnswer(f"Stripe sent a {name} that is no {kind.__name__}")
    return value


def address_or_none(answer: object, name: str) -> str | None:
    """Where to send somebody, if there is such a page."""
    address = read_or_none(answer, name, str)
    if address is not None and not address.startswith(("https://", "http://")):
        raise UnusableAnswer(f"Stripe sent a {name} that is no address")
    return address


def moment(answer: object, name: str) -> datetime:
    """A time that Stripe sends as seconds since 1970."""
    try:
        return datetime.fromtimestamp(read(answer, name, int), tz=UTC)
    except (OverflowError, OSError, ValueError) as exc:
        raise UnusableAnswer(f"Stripe sent a {name} that is no time") from exc


def reference(answer: object, name: str) -> str | None:
    """The id of another object, which comes as an id or, expanded, as the object."""
    whole = expanded(answer, name)
    return read_or_none(answer, name, str) if whole is None else read(whole, "id", str)


def expanded(answer: object, name: str) -> stripe.StripeObject | Mapping[str, Any] | None:
    """Another object that was sent whole; None where only its id was sent, or nothing."""
    value = _value(answer, name)
    if value is None or isinstance(value, str):
        return None
    if not isinstance(value, (stripe.StripeObject, Mapping)):
        raise UnusableAnswer(f"Stripe sent a {name} that is no object")
    return value


def texts(answer: object, name: str) -> dict[str, str]:
    """Metadata: texts under names, none where there is none."""
    whole = expanded(answer, name)
    found = whole.to_dict() if isinstance(whole, stripe.StripeObject) else whole or {}
    return {each: read(found, each, str) for each in found}


def objects(page: object) -> list[Any]:
    """What one page of a list holds."""
    return read(page, "data", list)


def objects_of_all_pages(page: Any) -> Iterator[Any]:
    """What a list holds, of which this is the first page; asks for the others."""
    yield from objects(page)
    while read(page, "has_more", bool):
        page = page.next_page()
        yield from objects(page)


def _value(answer: object, name: str) -> Any:
    return answer.get(name) if isinstance(answer, Mapping) else getattr(answer, name, None)
