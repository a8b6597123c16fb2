"""Email addresses: one mailbox is one member, however it is typed.

Everything behind this door has the canonical form: ASCII, in lower case, with the domain as DNS has it. The mail with
the code goes to exactly that address, and its member is the one who is signed in.
"""

from __future__ import annotations

import unicodedata
from typing import Final

import idna
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext as _

LONGEST: Final = 254
_is_email: Final = EmailValidator(allowlist=[])
# Whose mail with dots in the name, or without, is one person's.
_IGNORES_DOTS: Final = frozenset({"gmail.com", "googlemail.com"})


def canonical(typed: str) -> str:
    """The address in its one form. Raises `ValidationError` in words for a person."""
    text = unicodedata.normalize("NFKC", typed.strip())
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp") for letter in text):
        raise ValidationError(_("That address has an invisible character in it. Type it by hand."))
    name, at, host = text.rpartition("@")
    if not at or not name or '"' in name or host.startswith("["):
        raise ValidationError(_("That does not look like an email address."))
    if not name.isascii():
        raise ValidationError(_("We can only send mail where the part before the @ is plain a to z."))
    try:
        domain = idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as exc:
        raise ValidationError(_("There is no such mail domain. Check what stands after the @.")) from exc
    email = f"{name}@{domain}".lower()
    try:
        _is_email(email)
    except ValidationError as exc:
        raise ValidationError(_("That does not look like an email address.")) from exc
    if len(email) > LONGEST:
        raise ValidationError(_("An email address has at most %(most)s characters.") % {"most": LONGEST})
    return email


def as_stored(typed: str) -> str:
    """What to look for where somebody names a member: an address in its one form, and anything else in lower case."""
    try:
        return canonical(typed)
    except ValidationError:
        return typed.strip().lower()


def readable(email: str) -> str:
    """A canonical address as its owner would write it."""
    name, _, domain = email.rpartition("@")
    try:
        return f"{name}@{idna.decode(domain)}"
    except idna.IDNAError:
        return email


def mailbox_of(email: str) -> str:
    """What a canonical address is counted as: one person can write theirs in many ways."""
    name, _, domain = email.rpartition("@")
    name = name.partition("+")[0]
    return f"{name.replace('.', '') if domain in _IGNORES_DOTS else name}@{domain}"
