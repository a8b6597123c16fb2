"""A cache and a mail server that are away, as Django's backends, and a database that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from django.core.cache.backends.base import BaseCache
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import OperationalError, connection


class Cache(BaseCache):
    """Nobody answers, whatever it is asked."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def _fail(self, *args: Any, **options: Any) -> NoReturn:
        raise ConnectionError("refused")

    add = get = set = delete = _fail


class Mail(BaseEmailBackend):
    """Nobody answers."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Raises `ConnectionRefusedError`."""
        raise ConnectionRefusedError


@contextmanager
def no_database(is_away: Callable[[], bool]) -> Iterator[None]:
    """Questions to the database fail as soon as `is_away` says so; it is asked before each."""

    def ask(execute: Callable[..., Any], *about: Any) -> Any:
        if is_away():
            raise OperationalError("server closed the connection unexpectedly")
        return execute(*about)

    with connection.execute_wrapper(ask):
        yield
