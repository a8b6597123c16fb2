"""Staff and their browsers, for tests of views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import User
from django.test import Client

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

LOGIN = "/admin/login/"
PASSWORD = "correct horse battery"


def staff(name: str = "grace") -> User:
    """Somebody who may do everything."""
    return User.objects.create_superuser(name, password=PASSWORD)


def log_in(client: Client, user: User, *, password: str = PASSWORD, code: str = "") -> Answer:
    """Fill in the page on which staff log in; the answer, without following it."""
    form = {"username": user.get_username(), "password": password, "code": code, "next": "/admin/"}
    return client.post(LOGIN, form)


def is_in(client: Client) -> bool:
    """Whether the start page of the admin is shown."""
    return client.get("/admin/").status_code == 200


def let_pass(client: Client, *, minutes: int) -> None:
    """Make every time that the session remembers as old as it will be then."""
    session = client.session
    for key, value in session.items():
        if isinstance(value, float):
            session[key] = value - minutes * 60
    session.save()
