"""Browsers of people in various states, for tests of views."""

from importlib import import_module
from uuid import UUID

from django.conf import settings
from django.test import Client

from accounts.members import Member, remember

ADA = Member(
    id=UUID("aaaaaaaa-1111-4111-8111-111111111111"), email="ada@example.com", refresh_token="token-of-ada"
)
FRAGMENT = {"HX-Request": "true"}
JSON = {"Accept": "application/json"}


def browser_of(member: Member, *, enforce_csrf_checks: bool = False) -> Client:
    """A browser in which `member` has signed in."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    remember(session, member)
    session.save()
    client = Client(enforce_csrf_checks=enforce_csrf_checks)
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    return client
