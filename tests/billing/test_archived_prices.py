"""A pack that Stripe no longer sells, bought from a page that still offers it."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.members import Member
from billing.packs import offers
from tests.drivers.signed_in import browser_of
from tests.drivers.site import TEN, LoopbackSite

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _offered(empty_cache: None, site: LoopbackSite) -> None:
    assert [offer.pack.price_id for offer in offers()] == [TEN.price_id]


def archive_price(site: LoopbackSite) -> None:
    site.ask(f"/v1/prices/{TEN.price_id}", method="POST", active="false")


def archive_product(site: LoopbackSite) -> None:
    product = site.ask(f"/v1/prices/{TEN.price_id}")["product"]
    site.ask(f"/v1/products/{product}", method="POST", active="false")


@pytest.mark.parametrize("archive", [archive_price, archive_product])
def test_a_person_reads_it_beside_what_is_for_sale_now(
    site: LoopbackSite, ada: Member, settings: Any, archive: Callable[[LoopbackSite], None]
) -> None:
    site.stripe.ensure_price("price_fifty", 2000, "usd", "50 credits")
    settings.CREDIT_PACKS = [{"price": TEN.price_id}, {"price": "price_fifty", "credits": 50}]
    browser = browser_of(ada)
    assert "$5.00" in browser.get("/").content.decode()
    archive(site)
    answer = browser.post("/api/stripe/checkout", {"pack": TEN.price_id})
    assert (answer.status_code, answer["Location"]) == (303, "/#buy")
    page = browser.get("/").content.decode()
    assert "This pack is no longer for sale, and nothing was charged." in page
    assert "$20.00" in page
    assert "$5.00" not in page
