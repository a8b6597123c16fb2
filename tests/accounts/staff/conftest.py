"""One of the staff, and their browser."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.drivers.staff import staff


@pytest.fixture
def grace(db: None) -> User:
    """Somebody of the staff, not logged in."""
    return staff()


@pytest.fixture
def logged_in(grace: User) -> Client:
    """A browser in which she has just logged in."""
    client = Client()
    client.force_login(grace)
    return client
