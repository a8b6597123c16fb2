"""Whether what people were told is true, held against what Instant and Stripe have when all is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.customer import Asked, Told

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """One member as they are: the credits of each checkout that is paid, by id, and what Instant has of them.

    `edited` are the paid checkouts that nobody may credit, `credits` is the balance that the site shows.
    """

    member_id: str
    paid: Mapping[str, int]
    entries: Sequence[Row]
    haikus: Mapping[str, Row]
    credits: int
    edited: frozenset[str] = frozenset()
    held: int = 0


def untruths(told: Told, facts: Facts) -> Iterator[str]:
    """A sentence for whatever a member was told that is not so, and for a balance that is wrong."""
    yield from told.surprises
    entries = {str(entry["key"]): entry for entry in facts.entries}
    yield from _of_purchases(told, facts, entries)
    for request_id, asked in told.writes.items():
        spend = entries.pop(f"spend:{facts.member_id}:{request_id}", None) or _capture(
            entries, facts, request_id
        )
        yield from (f"{request_id}: {text}" for text in _of_a_write(asked, spend, facts.haikus))
    yield from (f"{key} was never asked for" for key in entries if key.startswith("spend:"))
    if facts.held:
        yield f"{facts.held} credits are still held"
    due = sum(facts.paid.values()) - len(facts.haikus)
    if facts.credits != due:
        yield f"the site shows {facts.credits} credits; bought less spent is {due}"


def _capture(entries: Mapping[str, Row], facts: Facts, request_id: str) -> Row | None:
    """What paid for work that took time, at whichever attempt."""
    start = f"end:hold:{facts.member_id}:{request_id}:"
    captures = (entry for key, entry in entries.items() if key.startswith(start))
    return next((entry for entry in captures if entry["kind"] == "capture"), None)


def _of_purchases(told: Told, facts: Facts, entries: Mapping[str, Row]) -> Iterator[str]:
    unpaid = told.paid - facts.paid.keys() - facts.edited
    yield from (f"{checkout} was paid, and Stripe says no" for checkout in unpaid)
    there = {
        key.removeprefix("purchase:"): entry["amount"] for key, entry in entries.items() if "purchase:" in key
    }
    yield from (f"{checkout} was called credited, and is not" for checkout in told.credited - there.keys())
    if there != facts.paid:
        yield f"the ledger has the purchases {there}, Stripe has {dict(facts.paid)}"


def _of_a_write(asked: Asked, spend: Row | None, haikus: Mapping[str, Row]) -> Iterator[str]:
    if spend is None:
        if asked.shown:
            yield f"was shown {list(asked.shown)}, and there is no such spend"
        return
    if asked.was_not_charged:
        yield f"was told that nothing came of it ({asked.rounds}), and was charged"
    if asked.shown.keys() - {spend["ref"]}:
        yield f"was shown {list(asked.shown)}, and paid for {spend['ref']}"
    haiku = haikus.get(str(spend["ref"]))
    if haiku is None:
        yield f"paid for {spend['ref']}, which is not there"
    elif haiku["topic"] != asked.topic or asked.shown.get(haiku["id"], haiku["content"]) != haiku["content"]:
        yield f"asked for {asked.topic}, was shown {asked.shown}, and has {dict(haiku)}"


def double_entries(entries: Sequence[Row]) -> Iterator[str]:
    """The keys that stand more than once, which would hide behind one another."""
    counted = Counter(str(entry["key"]) for entry in entries)
    yield from (f"{key} stands {count} times" for key, count in counted.items() if count > 1)
