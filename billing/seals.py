"""The seal of a checkout: proof that its metadata is what this site wrote, since Stripe's dashboard can edit it.

It is an HMAC over what the checkout was made for. The session's `client_reference_id` is the app, the member and the
seal, with colons. Stripe never changes that field. So a checkout stays whose it was, its seal cannot be taken off,
and one that was copied from another checkout has no effect.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from django.core.signing import BadSignature, Signer

# `pack` is how many credits one pack has, `credits` how many all of them have.
SEALED: Final = ("app", "member", "pack", "price", "quantity", "credits")


class Seal(StrEnum):
    """What is found where the seal should be. Versions before there were seals wrote the member's id alone."""

    INTACT = "intact"
    BROKEN = "broken"
    MISSING = "missing"


def sealed_reference(metadata: Mapping[str, str]) -> str:
    """The `client_reference_id` of a new checkout with this metadata."""
    return f"{metadata['app']}:{metadata['member']}:{_signer().signature(_text(metadata))}"


def named_in(reference: str, metadata: Mapping[str, str]) -> tuple[str | None, str]:
    """The app and the member whose checkout it is. Without a seal, the app stands in the metadata alone."""
    app, colon, rest = reference.partition(":")
    return (app, rest.partition(":")[0]) if colon else (metadata.get("app"), reference)


def seal_of(reference: str, metadata: Mapping[str, str]) -> Seal:
    """Whether the metadata is what was sealed, under `SECRET_KEY` or one of `SECRET_KEY_FALLBACKS`."""
    named, colon, signature = reference.rpartition(":")
    if not colon:
        return Seal.MISSING
    try:
        _signer().unsign(f"{_text(metadata)}:{signature}")
    except BadSignature:
        return Seal.BROKEN
    return Seal.INTACT if named == f"{metadata.get('app')}:{metadata.get('member')}" else Seal.BROKEN


def _signer() -> Signer:
    return Signer(salt="billing.seals")


def _text(metadata: Mapping[str, str]) -> str:
    return json.dumps([metadata.get(name) for name in SEALED])
