"""What the live checks find in a Stripe account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import requests
import responses
import stripe
from django.core import checks
from django.core.checks import CheckMessage
from django.test import override_settings

from billing.audit.run import Audit
from billing.checks import check_packs
from billing.live_checks import check_stripe
from billing.stripe_api.client import Client, using
from billing.webhook import EVENTS
from instant_admin.rules_probe import find_open_rules
from tests.drivers.instant import DOCUMENTS, HandlerAdapter
from tests.drivers.site import TEN, LoopbackSite

BASE = "http://stripe.test"
PATH = "/api/stripe/webhook"


@pytest.fixture(autouse=True)
def in_development() -> Iterator[None]:
    """With the pack that the site sells."""
    with override_settings(DEBUG=True, STRIPE_PRICE_ID=TEN.price_id, CREDIT_PACKS=[]):
        yield


def findings() -> list[CheckMessage]:
    """What is found, but for the clock, which the site does not send."""
    return [message for message in check_stripe(None) if message.obj != "Stripe's clock"]


def about(name: str) -> list[CheckMessage]:
    return [message for message in check_stripe(None) if message.obj == name]


def not_ok() -> list[CheckMessage]:
    return [message for message in findings() if message.level != checks.INFO]


def with_key(site: LoopbackSite, secret_key: str) -> Client:
    """The site's account, asked with another key."""
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", HandlerAdapter(site.stripe.handle))
    return Client(secret_key=secret_key, api_base=BASE, http_client=stripe.RequestsClient(session=session))


def endpoint(site: LoopbackSite, *events: str, url: str = f"https://credits.test{PATH}") -> None:
    """Have this endpoint alone."""
    for each in site.ask("/v1/webhook_endpoints")["data"]:
        site.ask(f"/v1/webhook_endpoints/{each['id']}", method="DELETE")
    form = {f"enabled_events[{number}]": event for number, event in enumerate(events)}
    site.ask("/v1/webhook_endpoints", method="POST", url=url, **form)


def test_a_good_account_has_no_fault(site: LoopbackSite) -> None:
    assert [finding.level for finding in findings()] == [checks.INFO] * 3


def test_a_wrong_key_is_named_once_with_its_hint(site: LoopbackSite) -> None:
    with using(with_key(site, "sk_test_wrong")):
        (key,) = findings()
    assert (key.obj, key.level) == ("Stripe key", checks.ERROR)
    assert "STRIPE_SECRET_KEY" in key.msg
    assert "dashboard" in (key.hint or "")
    assert "sk_test_wrong" not in key.msg + (key.hint or "")


def test_stripe_out_of_reach_is_named_with_its_hint(site: LoopbackSite) -> None:
    site.stripe_is_away = True
    (key,) = findings()
    assert (key.obj, key.level) == ("Stripe key", checks.ERROR)
    assert "STRIPE_API_BASE" in (key.hint or "")


def test_a_test_key_where_strangers_pay_is_worth_a_warning(site: LoopbackSite) -> None:
    with override_settings(DEBUG=False):
        (key,) = not_ok()
    assert (key.obj, key.level) == ("Stripe key", checks.WARNING)
    assert "sk_live_" in (key.hint or "")


def account(wire: responses.RequestsMock, **answer: Any) -> None:
    body = {"id": "acct_1", "object": "account", "charges_enabled": True} | answer
    wire.get(f"{BASE}/v1/account", json=body, headers={"Date": "Wed, 01 Jul 2026 12:00:00 GMT"})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "debug", "can_charge", "level"),
    [
        ("sk_live_x", True, True, checks.ERROR),
        ("sk_live_x", False, False, checks.ERROR),
        ("sk_live_x", False, True, checks.INFO),
        ("sk_test_x", True, False, checks.WARNING),
    ],
)
def test_the_mode_of_the_key_must_fit(key: str, debug: bool, can_charge: bool, level: int) -> None:
    with (
        responses.RequestsMock() as wire,
        using(Client(secret_key=key, api_base=BASE)),
        override_settings(DEBUG=debug),
    ):
        account(wire, charges_enabled=can_charge)
        (found,) = about("Stripe key")
    assert (found.level, bool(found.hint)) == (level, level != checks.INFO)


def test_a_restricted_key_that_may_not_look_is_worth_a_warning() -> None:
    with responses.RequestsMock() as wire, using(Client(secret_key="rk_test_x", api_base=BASE)):
        error = {"error": {"type": "invalid_request_error", "message": "no"}}
        wire.get(f"{BASE}/v1/account", json=error, status=403)
        (found,) = findings()
    assert (found.level, "restricted" in found.msg) == (checks.WARNING, True)


@pytest.mark.slow
def test_a_clock_that_stripe_would_refuse_is_wrong() -> None:
    with responses.RequestsMock() as wire, using(Client(secret_key="sk_test_x", api_base=BASE)):
        account(wire)  # it says a time of last summer
        (found,) = about("Stripe's clock")
    assert (found.level, "ahead" in found.msg) == (checks.ERROR, True)


def test_an_archived_price_is_named_with_its_hint(site: LoopbackSite) -> None:
    site.ask(f"/v1/prices/{TEN.price_id}", method="POST", active="false")
    (found,) = not_ok()
    assert (found.obj, found.level) == ("Prices", checks.ERROR)
    assert TEN.price_id in found.msg
    assert "it is archived" in found.msg
    assert "Unarchive" in (found.hint or "")


def test_a_price_of_an_archived_product_is_named(site: LoopbackSite) -> None:
    product = site.ask(f"/v1/prices/{TEN.price_id}")["product"]
    site.ask(f"/v1/products/{product}", method="POST", active="false")
    (found,) = not_ok()
    assert "its product is archived" in found.msg


def test_a_recurring_price_and_an_unknown_one_are_named_each(site: LoopbackSite) -> None:
    form = {
        "currency": "usd",
        "unit_amount": "500",
        "recurring[interval]": "month",
        "product_data[name]": "Monthly",
    }
    monthly = site.ask("/v1/prices", method="POST", **form)["id"]
    packs = [{"price": price, "credits": 10} for price in (TEN.price_id, monthly, "price_nobody_has")]
    with override_settings(CREDIT_PACKS=packs):
        good, recurring, unknown = about("Prices")
    assert [each.level for each in (good, recurring, unknown)] == [checks.INFO, checks.ERROR, checks.ERROR]
    assert "it is recurring" in recurring.msg
    assert "unknown to Stripe" in unknown.msg


@pytest.mark.parametrize(
    "packs",
    [[], [{"credits": 10}], [{"price": "p", "credits": "many"}]],
    ids=["none", "no price", "no number"],
)
def test_while_the_setting_is_wrong_its_own_check_says_so_and_no_price_is_asked(
    site: LoopbackSite, packs: list[dict[str, Any]]
) -> None:
    with override_settings(STRIPE_PRICE_ID="", CREDIT_PACKS=packs):
        assert len(check_packs(None)) == 1
        assert (about("Prices"), not_ok()) == ([], [])


def test_events_that_the_endpoint_does_not_get_are_named(site: LoopbackSite) -> None:
    endpoint(site, *(EVENTS - {"charge.refunded", "refund.failed"}))
    (found,) = not_ok()
    assert (found.obj, found.level) == ("Webhook", checks.WARNING)
    assert "charge.refunded, refund.failed" in found.msg
    assert "stripe_setup" in (found.hint or "")


def test_an_endpoint_with_just_our_events_is_good(site: LoopbackSite) -> None:
    endpoint(site, *EVENTS)
    assert not_ok() == []


def test_a_missing_endpoint_is_named_with_the_command_that_makes_it(site: LoopbackSite) -> None:
    endpoint(site, *EVENTS, url="https://credits.test/somewhere/else")
    (found,) = not_ok()
    assert (found.obj, found.level) == ("Webhook", checks.WARNING)
    assert PATH in found.msg
    assert "stripe_setup --site" in (found.hint or "")


def test_another_copy_of_the_site_with_a_poor_endpoint_is_none_of_our_business(site: LoopbackSite) -> None:
    form = {"url": f"https://staging.test{PATH}", "enabled_events[0]": "charge.refunded"}
    site.ask("/v1/webhook_endpoints", method="POST", **form)
    assert [finding.level for finding in about("Webhook")] == [checks.INFO]


def test_an_audit_in_the_middle_of_the_doctors_visit_finds_nothing_wrong(site: LoopbackSite) -> None:
    rules: dict[str, Any] = dict(DOCUMENTS.perms) | {"$users": {"allow": {"view": "true"}}}
    site.admin.push_perms(rules)
    with closing(find_open_rules(site.admin, DOCUMENTS, now=datetime.now(UTC), new_id=uuid4)) as found:
        assert next(found) == "a guest can read a member's row of $users"
        audit = Audit()
        assert list(audit.violations()) == []
        assert (audit.counts["entries"], audit.counts["haikus"]) == (2, 1)
    assert site.admin.query({"$users": {}, "creditEntries": {}, "haikus": {}}) == {
        "$users": [],
        "creditEntries": [],
        "haikus": [],
    }
