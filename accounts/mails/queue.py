"""Mails that wait until they are sent. Whoever has one sent writes a row, and waits for nobody.

A mail hangs on what caused it: its key is unique, and is written in one transaction with the mail. So of two
processes that see the same thing one has it sent, and whoever looks at what a crash left may ask for all of it again.

A mail to a member waits under their id, not under their email, which is looked up when it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Min
from django.dispatch import receiver
from django.utils import timezone
from post_office.models import PRIORITY, STATUS, Email

from accounts.mails import wishes
from accounts.mails.courier import courier
from accounts.mails.making import link_to, mail_of
from accounts.models import MailKey
from accounts.signals import member_deleted

# Of what waits for a member, what stands behind the @. Nobody can have such an address.
_MEMBER: Final = "member.invalid"
# So long a key keeps its mail from being sent again, and a mail that cannot be sent is kept.
KEPT_FOR: Final = timedelta(days=30)


def send_once(
    key: str,
    *,
    member_id: UUID,
    template: str,
    context: Mapping[str, Any] | None = None,
    email: str | None = None,
    optional: str = "",
) -> None:
    """Have a mail sent to a member, or to this `email` of theirs, once for each `key`.

    With `optional`, the name of an optional mail, only if they want it now.
    """
    if MailKey.objects.filter(pk=key).exists():
        return
    headers, unsubscribe = {}, ""
    if optional:
        unsubscribe = link_to("accounts:unsubscribe", wishes.token_for(member_id, optional))
    if unsubscribe:
        # RFC 8058: the mail program has a button for it.
        headers = {
            "List-Unsubscribe": f"<{unsubscribe}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    made = mail_of(
        template, {**(context or {}), "unsubscribe": unsubscribe}, language=wishes.language_of(member_id)
    )
    with transaction.atomic():
        _, is_new = MailKey.objects.get_or_create(pk=key)
        if not is_new or (optional and not wishes.wanted_by(member_id)[optional]):
            return
        Email.objects.create(
            from_email=settings.DEFAULT_FROM_EMAIL,
            to=[email or f"{member_id}@{_MEMBER}"],
            subject=made.subject,
            message=made.text,
            html_message=made.html,
            headers=headers,
            status=STATUS.queued,
            priority=PRIORITY.medium,
        )
    transaction.on_commit(courier.wake)


def recipient_of(mail: Email) -> UUID | str:
    """The id of the member, or the email, that a mail waits for."""
    (to,) = mail.to
    name, _, domain = to.partition("@")
    return UUID(name) if domain == _MEMBER else to


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many mails wait, since when the oldest does, and how many were tried too often."""

    count: int
    since: datetime | None
    given_up: int

    @property
    def is_trouble(self) -> bool:
        """Whether somebody should look why they are not sent."""
        is_late = self.since is not None and self.since < timezone.now() - timedelta(minutes=15)
        return is_late or bool(self.given_up)


def waiting() -> Waiting:
    """What waits now."""
    found = Email.objects.filter(status__in=[STATUS.queued, STATUS.requeued])
    since = found.aggregate(since=Min("created"))["since"]
    return Waiting(found.count(), since, Email.objects.filter(status=STATUS.failed).count())


def clear_old() -> None:
    """Delete keys and given-up mails that are too old to matter."""
    before = timezone.now() - KEPT_FOR
    MailKey.objects.filter(made_at__lt=before).delete()
    Email.objects.filter(created__lt=before).delete()


@receiver(member_deleted)
def _forget(*, member_id: UUID, **kwargs: Any) -> None:
    Email.objects.filter(to=f"{member_id}@{_MEMBER}").delete()
