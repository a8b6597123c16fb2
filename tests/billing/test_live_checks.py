"""What the live checks find in a Stripe account."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import responses
from django.core import checks
from django.core.checks import CheckMessage
from django.test import override_settings

from accounts.members import Member
from billing.audit.run import Audit
from billing.checks import check_packs
from billing.live_checks import check_stripe
from billing.stripe_api.client import Client, using
from billing.webhook import EVENTS
from instant_admin.rules_probe import find_open_rules
from tests.drivers.instant import DOCUMENTS
from tests.drivers.site import TEN, LoopbackSite

BASE = "http://stripe.test"
DEPLOYING = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text()
PATH = "/api/stripe/webhook"


@pytest.fixture(autouse=True)
def in_development() -> Iterator[None]:
    """With the pack that the site sells."""
    with override_settings(DEBUG=True, STRIPE_PRICE_ID=TEN.price_id, CREDIT_PACKS=[]):
        yield


def found(name: str | None = None) -> list[CheckMessage]:
    """What is found, or only about one thing. Stripe's clock must be asked for: the stand-in does not send it."""
    messages = check_stripe(None)
    return [each for each in messages if (each.obj == name if name else each.obj != "Stripe's clock")]


def assert_wrong(
    name: str, level: int, said: str, hint: str, *, among: list[CheckMessage] | None = None
) -> None:
    """One thing is not as it should be."""
    (wrong,) = [each for each in among or found() if each.level != checks.INFO]
    assert (wrong.obj, wrong.level) == (name, level)
    assert said in wrong.msg
    assert hint in (wrong.hint or "")


@contextmanager
def on_a_wire(secret_key: str) -> Iterator[responses.RequestsMock]:
    """An account that a test describes, asked with this key."""
    with responses.RequestsMock() as wire, using(Client(secret_key=secret_key, api_base=BASE)):
        yield wire


def describe(wire: responses.RequestsMock, **answer: Any) -> None:
    """Stripe answers about the account, on its clock of last summer."""
    body = {"id": "acct_1", "object": "account", "charges_enabled": True} | answer
    wire.get(f"{BASE}/v1/account", json=body, headers={"Date": "Wed, 01 Jul 2026 12:00:00 GMT"})


def endpoint(site: LoopbackSite, *events: str, url: str = f"https://credits.test{PATH}") -> None:
    """Have this endpoint alone."""
    for each in site.ask("/v1/webhook_endpoints")["data"]:
        site.ask(f"/v1/webhook_endpoints/{each['id']}", method="DELETE")
    form = {f"enabled_events[{number}]": event for number, event in enumerate(events)}
    site.ask("/v1/webhook_endpoints", method="POST", url=url, **form)


# The key


def test_a_good_account_has_no_fault(site: LoopbackSite) -> None:
    assert [each.level for each in found()] == [checks.INFO] * 3


def test_a_key_that_is_refused_is_named_once_and_not_shown() -> None:
    with on_a_wire("sk_test_x") as wire:
        wire.get(f"{BASE}/v1/account", json={"error": {"type": "invalid_request_error"}}, status=401)
        (key,) = found()
    assert_wrong("Stripe key", checks.ERROR, "HTTP 401", "STRIPE_SECRET_KEY", among=[key])
    assert "sk_test_x" not in f"{key.msg}{key.hint}"


def test_each_permission_that_a_restricted_key_lacks_is_named(site: LoopbackSite) -> None:
    site.refuse("GET", "^/v1/(account|webhook_endpoints|prices/)", "key-restricted")
    assert [(each.obj, each.level) for each in found() if each.level != checks.INFO] == [
        ("Stripe key", checks.WARNING),
        ("Prices", checks.ERROR),
        ("Webhook", checks.WARNING),
    ]


@pytest.mark.parametrize(
    ("path", "name"),
    {
        "checkout/sessions": "Checkout Sessions",
        "customers": "Customers",
        "payment_intents": "PaymentIntents",
        "charges": "Charges",
        "refunds": "Refunds",
        "disputes": "Disputes",
        "invoices": "Invoices",
        "events": "Events",
        "radar/early_fraud_warnings": "Early Fraud Warnings",
    }.items(),
)
def test_what_a_restricted_key_may_not_read_is_named_and_documented(
    site: LoopbackSite, path: str, name: str
) -> None:
    site.refuse("GET", f"^/v1/{path}$", "key-restricted")
    assert_wrong(
        "Permissions", checks.ERROR, f"may not read {name}", "docs/deploy.md", among=found("Permissions")
    )
    permissions = re.search(r"a restricted one.*?Then say", DEPLOYING, re.DOTALL)
    assert permissions is not None
    assert name in " ".join(permissions[0].split())


def test_an_account_without_a_name_is_named() -> None:
    with on_a_wire("sk_test_x") as wire:
        describe(wire, business_profile={"name": None}, settings={"dashboard": {"display_name": ""}})
        (named,) = [each for each in found("Stripe key") if each.level != checks.INFO]
    assert_wrong("Stripe key", checks.ERROR, "has no name", "Business", among=[named])


def test_stripe_out_of_reach_is_named_once(site: LoopbackSite) -> None:
    site.stripe_is_away = True
    (key,) = found()
    assert_wrong("Stripe key", checks.ERROR, "No usable answer", "STRIPE_API_BASE", among=[key])


def test_a_test_key_where_strangers_pay_is_worth_a_warning(site: LoopbackSite) -> None:
    with override_settings(DEBUG=False):
        assert_wrong("Stripe key", checks.WARNING, "nobody is charged", "sk_live_")


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
    with on_a_wire(key) as wire, override_settings(DEBUG=debug):
        describe(wire, charges_enabled=can_charge)
        (message,) = found("Stripe key")
    assert (message.level, bool(message.hint)) == (level, level != checks.INFO)


@pytest.mark.slow
def test_a_clock_that_stripe_would_refuse_is_wrong() -> None:
    with on_a_wire("sk_test_x") as wire:
        describe(wire)
        assert_wrong("Stripe's clock", checks.ERROR, "ahead", "", among=found("Stripe's clock"))


# Prices


def test_an_archived_price_is_named(site: LoopbackSite) -> None:
    site.ask(f"/v1/prices/{TEN.price_id}", method="POST", active="false")
    said = f"{TEN.price_id} (10 credits) cannot be sold: it is archived"
    assert_wrong("Prices", checks.ERROR, said, "Unarchive")


def test_a_price_of_an_archived_product_is_named(site: LoopbackSite) -> None:
    product = site.ask(f"/v1/prices/{TEN.price_id}")["product"]
    site.ask(f"/v1/products/{product}", method="POST", active="false")
    assert_wrong("Prices", checks.ERROR, "its product is archived", "Unarchive")


def test_a_recurring_price_and_an_unknown_one_are_named_each(site: LoopbackSite) -> None:
    form = {"currency": "usd", "unit_amount": "500", "product_data[name]": "Monthly"}
    monthly = site.ask("/v1/prices", method="POST", **form, **{"recurring[interval]": "month"})["id"]
    packs = [{"price": price, "credits": 10} for price in (TEN.price_id, monthly, "price_nobody_has")]
    with override_settings(CREDIT_PACKS=packs):
        good, recurring, unknown = found("Prices")
    assert good.level == checks.INFO
    assert_wrong("Prices", checks.ERROR, "it is recurring", "", among=[recurring])
    assert_wrong("Prices", checks.ERROR, "none by this id", "", among=[unknown])


def test_a_price_below_what_stripe_charges_is_named(site: LoopbackSite) -> None:
    site.stripe.ensure_price("price_tiny", 49, "usd", "1 credit")
    with override_settings(STRIPE_PRICE_ID="price_tiny"):
        assert_wrong("Prices", checks.ERROR, "costs less than $0.50", "Raise")


@pytest.mark.parametrize(
    "packs",
    [[], [{"credits": 10}], [{"price": "p", "credits": "many"}]],
    ids=["none", "no price", "no number"],
)
def test_while_the_setting_is_wrong_its_own_check_says_so_and_no_price_is_asked(
    site: LoopbackSite, packs: list[dict[str, Any]]
) -> None:
    with override_settings(STRIPE_PRICE_ID="", CREDIT_PACKS=packs):
        assert len(list(check_packs(None))) == 1
        assert found("Prices") == []
        assert [each.level for each in found()] == [checks.INFO] * 2


# The webhook


def test_events_that_the_endpoint_does_not_get_are_named(site: LoopbackSite) -> None:
    endpoint(site, *(EVENTS - {"charge.refunded", "refund.failed"}))
    assert_wrong("Webhook", checks.WARNING, "charge.refunded, refund.failed", "stripe_setup")


def test_an_endpoint_with_just_our_events_is_good(site: LoopbackSite) -> None:
    endpoint(site, *EVENTS)
    assert [each.level for each in found("Webhook")] == [checks.INFO]


def test_a_missing_endpoint_is_named_with_the_command_that_makes_it(site: LoopbackSite) -> None:
    endpoint(site, *EVENTS, url="https://credits.test/somewhere/else")
    assert_wrong("Webhook", checks.WARNING, PATH, "stripe_setup --site")


def test_an_endpoint_of_another_site_is_not_ours(site: LoopbackSite, settings: Any) -> None:
    settings.SITE_URL = "https://shop.test"
    endpoint(site, *EVENTS)
    assert_wrong("Webhook", checks.WARNING, f"no endpoint at https://shop.test{PATH}", "stripe_setup --site")


@pytest.mark.parametrize(("path", "is_stray"), [(f"{PATH}/", False), ("/webhook", True), ("/", True)])
def test_an_endpoint_of_ours_where_nobody_listens_is_named(
    site: LoopbackSite, settings: Any, path: str, is_stray: bool
) -> None:
    settings.SITE_URL = "https://credits.test"
    address = settings.SITE_URL + path
    endpoint(site, *EVENTS)
    site.ask("/v1/webhook_endpoints", method="POST", url=address, **{"enabled_events[0]": "*"})
    strays = [each.msg for each in found("Webhook") if each.id == "billing.W115"]
    assert strays == [f"nothing of ours answers at {address}"] * is_stray


def test_a_payment_page_that_no_form_may_lead_to_is_named(
    site: LoopbackSite, ada: Member, settings: Any
) -> None:
    site.open_checkout(ada)
    (wrong,) = found("Checkout")
    assert (wrong.level, wrong.id) == (checks.ERROR, "billing.E116")
    assert wrong.hint is not None
    settings.CHECKOUT_ORIGINS = [wrong.hint.partition("=")[2]]
    assert found("Checkout") == []


def test_another_copy_of_the_site_with_a_poor_endpoint_is_none_of_our_business(site: LoopbackSite) -> None:
    form = {"url": f"https://staging.test{PATH}", "enabled_events[0]": "charge.refunded"}
    site.ask("/v1/webhook_endpoints", method="POST", **form)
    assert [each.level for each in found("Webhook")] == [checks.INFO]


def test_an_audit_in_the_middle_of_the_doctors_visit_finds_nothing_wrong(site: LoopbackSite) -> None:
    site.admin.push_perms({**DOCUMENTS.perms, "$users": {"allow": {"view": "true"}}})
    with closing(find_open_rules(site.admin, DOCUMENTS, now=datetime.now(UTC), new_id=uuid4)) as leaks:
        assert next(leaks) == "a guest can read a member's row of $users"
        audit = Audit()
        assert list(audit.violations()) == []
        assert (audit.counts["entries"], audit.counts["haikus"]) == (2, 1)
    left = site.admin.query({"$users": {}, "creditEntries": {}, "haikus": {}})
    assert left == {"$users": [], "creditEntries": [], "haikus": []}
