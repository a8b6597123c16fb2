"""What keeps secrets unreadable in a copy of the database. `SECRET_KEY` opens it, and so do its fallbacks."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac


def locked(secret: str) -> str:
    """`secret`, to be kept."""
    return _safe().encrypt(secret.encode()).decode()


def unlocked(kept: str) -> str | None:
    """What was locked; None when `SECRET_KEY` was changed since, and the old one is no fallback."""
    try:
        return _safe().decrypt(kept.encode()).decode()
    except InvalidToken:
        return None


def _safe() -> MultiFernet:
    return _safe_of((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=4)
def _safe_of(secrets: tuple[str, ...]) -> MultiFernet:
    keys = [
        salted_hmac("accounts.members", "", secret=secret, algorithm="sha256").digest() for secret in secrets
    ]
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])
