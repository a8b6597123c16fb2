"""Which mails a member wants, and in which language. Who has never said so wants all there are.

A mail that nobody can do without (a code, a dispute) is registered here by nobody, and is always sent.

register(OptionalMail(name="receipts", label=_("Receipts")))
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.dispatch import receiver
from django.utils.functional import Promise
from django.utils.translation import get_language

from accounts.members import Member
from accounts.models import MailWishes
from accounts.signals import member_deleted, member_signed_in

_SALT: Final = "accounts.mails.unsubscribe"


@dataclass(frozen=True, slots=True)
class OptionalMail:
    """A kind of mail that a member may do without. `label` is for the page of the account."""

    name: str
    label: str | Promise


_optional: dict[str, OptionalMail] = {}


def register(mail: OptionalMail) -> None:
    """Let members choose about `mail`."""
    _optional[mail.name] = mail


def optional_mails() -> tuple[OptionalMail, ...]:
    """All that were registered."""
    return tuple(_optional.values())


def wanted_by(member_id: UUID) -> dict[str, bool]:
    """Of each optional mail whether the member wants it."""
    found = MailWishes.objects.filter(pk=member_id).first()
    return {name: found is None or name not in found.unwanted for name in _optional}


def language_of(member_id: UUID) -> str:
    """The language in which the member used the site last."""
    found = MailWishes.objects.filter(pk=member_id).first()
    return (found and found.language) or settings.LANGUAGE_CODE


def want(member_id: UUID, names: Collection[str]) -> None:
    """Send the member these of the optional mails from now on, and no others."""
    unwanted = [name for name in _optional if name not in names]
    MailWishes.objects.update_or_create(pk=member_id, defaults={"unwanted": unwanted})


def unsubscribe(member_id: UUID, name: str) -> None:
    """Send the member none of these mails any more."""
    with transaction.atomic():
        wishes, _ = MailWishes.objects.select_for_update().get_or_create(pk=member_id)
        if name not in wishes.unwanted:
            wishes.unwanted.append(name)
            wishes.save()


def token_for(member_id: UUID, name: str) -> str:
    """What unsubscribes this member from these mails, whoever brings it: it stands in the mail."""
    return signing.dumps([str(member_id), name], salt=_SALT)


def read_token(token: str) -> tuple[UUID, OptionalMail] | None:
    """Whom a token unsubscribes, from what; None when it is none of ours."""
    try:
        member_id, name = signing.loads(token, salt=_SALT)
    except signing.BadSignature:
        return None
    return (UUID(member_id), _optional[name]) if name in _optional else None


@receiver(member_signed_in)
def _remember_language(*, member: Member, **kwargs: Any) -> None:
    language = get_language()
    if language and language != language_of(member.id):
        MailWishes.objects.update_or_create(pk=member.id, defaults={"language": language})


@receiver(member_deleted)
def _forget(*, member_id: UUID, **kwargs: Any) -> None:
    MailWishes.objects.filter(pk=member_id).delete()
