"""A second product with another price and a page of its own: bought, spent, replayed, audited, in the history."""

import json
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import override_settings

from billing import products
from billing.audit.run import Audit
from tests.drivers.signed_in import JSON, browser_of
from tests.drivers.site import opened

SCHEMA = json.loads(Path(__file__).with_name("instant.json").read_text())
RULES = {"couplets": {"allow": {"view": "auth.id != null && auth.id in data.ref('poet.id')"}}}


@pytest.mark.django_db
def test_a_second_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "_registered", {})
    apps = [*settings.INSTALLED_APPS, "tests.couplets"]
    with opened() as shop, override_settings(INSTALLED_APPS=apps, ROOT_URLCONF="tests.couplets.urls"):
        shop.admin.push_schema(SCHEMA)
        shop.admin.push_perms({**(shop.admin.perms() or {}), **RULES})
        ada = shop.member("ada@example.com")
        browser, form = browser_of(ada), {"theme": "rain", "request_id": str(uuid4())}
        refused = browser.post("/couplets/", form, follow=True).content.decode()
        assert "costs 3 credits, and you have 0" in refused
        browser.post("/api/stripe/sync", {"session_id": shop.buy(ada)})
        for _ in range(2):
            page = browser.post("/couplets/", form, follow=True).content.decode()
            assert page.count("rain above,<br>rain below") == 1
        newest = browser.get("/history/", headers=JSON).json()["entries"][0]
        assert (newest["product"], newest["amount"], newest["balance"]) == ("couplet", -3, 7)
        assert "Wrote a couplet" in browser.get("/history/").content.decode()
        audit = Audit()
        assert (list(audit.violations()), audit.counts["couplets"]) == ([], 1)
