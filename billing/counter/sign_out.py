"""Whoever signs out hears no more of their balance."""

from __future__ import annotations

from django.dispatch import receiver

from accounts.members import Member
from accounts.signals import member_signed_out
from billing.counter.hub import hub


@receiver(member_signed_out)
def end_streams(sender: object, member: Member, **kwargs: object) -> None:
    """End the streams of this sign-in."""
    hub().sign_out(member)
