"""What Instant refuses for good is no outage: nobody is asked to try again, and nobody is signed out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import uuid4

import pytest

from haikus.store import write_haiku
from tests.drivers.instant import DOCUMENTS
from tests.drivers.signed_in import FRAGMENT, JSON, browser_of
from tests.drivers.site import LoopbackSite

pytestmark = pytest.mark.django_db

HTML: Mapping[str, str] = {}


def wrong_token(site: LoopbackSite) -> str:
    """The admin token was made anew in Instant's dashboard, and not in the settings."""
    site.instant.standin.apps.ensure("loopback", site.instant.app.id, str(uuid4()))
    return "record-not-found"


def closed_rule(site: LoopbackSite) -> str:
    """A rule refuses a call of the site's own."""
    site.admin.push_perms({**DOCUMENTS.perms, "haikus": {"allow": {"$default": "false", "view": "true"}}})
    return "permission-denied"


def missing_attribute(site: LoopbackSite) -> str:
    """The schema of this version was not pushed."""
    site.admin.transact([["delete-attr", site.admin.schema()["blobs"]["haikus"]["topic"]["id"]]])
    return "validation-failed"


@pytest.mark.parametrize("headers", [HTML, FRAGMENT, JSON], ids=["page", "fragment", "JSON"])
@pytest.mark.parametrize(
    ("spoil", "path"),
    [
        (wrong_token, "/api/generate"),
        (missing_attribute, "/api/generate"),
        (closed_rule, "/haikus/{id}/delete/"),
    ],
)
def test_it_is_final_logged_once_and_nothing_is_written(
    site: LoopbackSite,
    spoil: Callable[[LoopbackSite], str],
    path: str,
    headers: Mapping[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    ada = site.member()
    site.buy(ada)
    site.deliver_all()
    haiku = write_haiku(member=ada, topic="rain", request_id=uuid4()).haiku
    before, browser = site.ledger(ada), browser_of(ada)
    kind = spoil(site)
    form = {"topic": "snow", "request_id": str(uuid4())}
    answer = browser.post(path.format(id=haiku.id), form, headers=dict(headers))
    assert ("Retry-After" in answer, "Location" in answer) == (False, headers is HTML)
    lines = [each.getMessage() for each in caplog.records if each.name == "credits_site.outages"]
    assert [kind in line for line in lines] == [True]
    said = (browser.get("/haikus/") if headers is HTML else answer).content.decode()
    assert "trying again does not help: we have to look at it. Nothing came of this attempt." in said
    assert headers is HTML or answer.status_code == 503
    assert headers is not JSON or answer.json()["retry"] is False
    assert ada.email in browser.get("/haikus/").content.decode()  # signed in as ever
    site.instant.standin.apps.ensure("loopback", site.instant.app.id, str(site.instant.app.admin_token))
    assert site.ledger(ada) == before
