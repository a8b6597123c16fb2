"""What the fuzzers share."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.drivers.site import opened
from tests.fuzz.door import Complaints, Door


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """The log, which keeps nothing but errors."""
    root, handler = logging.getLogger(), Complaints()
    kept, root.handlers = root.handlers, [handler]
    yield handler
    root.handlers = kept


@pytest.fixture
def door(db: None, settings: Any, complaints: Complaints) -> Iterator[Door]:
    """A site without limits."""
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.LIMITS_ENABLED = False
    with opened() as site:
        yield Door(site, complaints)


@pytest.fixture
def staff(door: Door) -> Client:
    """A browser of somebody who may do everything."""
    client = Client()
    client.force_login(User.objects.create_superuser("grace", password="correct horse"))
    return client
