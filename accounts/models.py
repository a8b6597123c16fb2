"""What the site itself knows of those who sign in. A copy of these tables opens no account."""

from __future__ import annotations

import hashlib
from importlib import import_module
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models


class _Hash(str):
    """What is stored of a key."""

    __slots__ = ()


class HashedKeyField(models.CharField):  # type: ignore[type-arg]  # no generic at run time
    """A random key of which only a hash is stored: what is asked for is hashed, what is read is the hash."""

    def get_prep_value(self, value: Any) -> Any:
        """The hash, also of what has been read from here."""
        if value is None or isinstance(value, _Hash):
            return value
        return _Hash(hashlib.sha256(str(value).encode()).hexdigest()[: self.max_length])

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """What stands in the database, known as a hash."""
        return None if value is None else _Hash(value)


class Session(AbstractBaseSession):
    """A session of a browser, and whose sign-in it holds, if any. The cookie's value is not in it."""

    session_key = HashedKeyField(max_length=40, primary_key=True)
    member_id = models.UUIDField(null=True, db_index=True)

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        """How Django reads and writes it."""
        store: type[SessionBase] = import_module(settings.SESSION_ENGINE).SessionStore
        return store


class SignInCode(models.Model):
    """The newest code of a browser that signs in. `place` is a random id that only its session knows."""

    place = HashedKeyField(max_length=40, primary_key=True)
    email = models.EmailField()
    code_hmac = models.CharField(max_length=64)
    tries = models.PositiveSmallIntegerField(default=0)
    ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"until {self.ends_at}"


class ApiKey(models.Model):
    """A key of a member's program. Only a hash of it is stored, and how it begins. `daily_limit` is in credits."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    member_id = models.UUIDField(db_index=True)
    token = HashedKeyField(max_length=64, unique=True)
    beginning = models.CharField(max_length=16)
    name = models.CharField(max_length=60)
    scope = models.CharField(max_length=8)
    daily_limit = models.PositiveIntegerField(null=True)
    made_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.beginning


class Bucket(models.Model):
    """What was counted of one limit: it is empty again at `empty_at`. The key is a hash of what and whose."""

    key = models.CharField(max_length=64, primary_key=True)
    empty_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"until {self.empty_at}"


class MailKey(models.Model):
    """What a mail hangs on that was made: there is one of each, so it is not made again."""

    key = models.CharField(max_length=255, primary_key=True)
    made_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return self.key


class MailWishes(models.Model):
    """What a member said about mails: the names of those they do not want, and their language."""

    member_id = models.UUIDField(primary_key=True)
    unwanted = models.JSONField(default=list)
    language = models.CharField(max_length=16, blank=True)

    def __str__(self) -> str:
        return f"of {self.member_id}"
