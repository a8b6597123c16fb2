"""Setting up a Stripe account by one command, again and again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import environ
import pytest
import stripe
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings

from billing.stripe_api.client import Client, using
from billing.webhook import EVENTS
from tests.drivers.site import LoopbackSite

SITE = "https://credits.test"
URL = f"{SITE}/api/stripe/webhook"
TEN = {"credits": 10, "name": "Ten haikus", "unit_amount": 500, "currency": "usd"}
FIFTY = {"credits": 50, "name": "Fifty, don't ask", "unit_amount": 20, "currency": "jpy"}


@pytest.fixture(autouse=True)
def _packs(site: LoopbackSite) -> Iterator[None]:
    """Two packs that Stripe has no price for, and an account in which nobody is told anything."""
    for endpoint in site.ask("/v1/webhook_endpoints")["data"]:
        site.ask(f"/v1/webhook_endpoints/{endpoint['id']}", method="DELETE")
    with override_settings(CREDIT_PACKS=[TEN, FIFTY]):
        yield


def set_up(*arguments: str, site: str | None = SITE) -> tuple[str, str]:
    """What the command prints: the lines for `.env`, and what it did."""
    out, err = StringIO(), StringIO()
    sites = [] if site is None else ["--site", site]
    call_command("stripe_setup", *sites, *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def env_of(lines: str, tmp_path: Path) -> dict[str, str]:
    """The lines as the settings would read them, and a shell as well."""
    file = tmp_path / "env"
    file.write_text(lines)

    class Env(environ.Env):  # type: ignore[misc]
        ENVIRON: ClassVar[dict[str, str]] = {}

    Env.read_env(file)
    assert shlex.split(lines) == [f"{name}={value}" for name, value in Env.ENVIRON.items()]
    return Env.ENVIRON


def account(site: LoopbackSite) -> dict[str, list[dict[str, Any]]]:
    """All that the command could have changed."""
    kinds = ("products", "prices", "webhook_endpoints", "events")
    return {kind: site.ask(f"/v1/{kind}", limit="100")["data"] for kind in kinds}


def prices(site: LoopbackSite) -> dict[str, dict[str, Any]]:
    """The prices that have a lookup key, by it."""
    found = site.ask("/v1/prices", limit="100", **{"expand[0]": "data.product"})["data"]
    return {each["lookup_key"].rpartition(":")[0][-2:]: each for each in found if each["lookup_key"]}


def endpoint(site: LoopbackSite) -> dict[str, Any]:
    (found,) = site.ask("/v1/webhook_endpoints")["data"]
    return dict(found)


def edit(site: LoopbackSite, kind: str, what: dict[str, Any], **changes: str) -> None:
    """Change something in the dashboard."""
    site.ask(f"/v1/{kind}/{what['id']}", method="POST", **changes)


def test_an_empty_account_gets_prices_and_an_endpoint(site: LoopbackSite, tmp_path: Path) -> None:
    lines, said = set_up()
    env, ten, fifty, hook = env_of(lines, tmp_path), prices(site)["10"], prices(site)["50"], endpoint(site)
    assert (ten["unit_amount"], ten["currency"]) == (500, "usd")
    assert (fifty["unit_amount"], fifty["currency"]) == (20, "jpy")
    assert fifty["product"]["name"] == FIFTY["name"]
    assert (hook["url"], hook["api_version"]) == (URL, stripe.api_version)
    assert set(hook["enabled_events"]) == EVENTS
    assert json.loads(env["CREDIT_PACKS"]) == [{"price": ten["id"]} | TEN, {"price": fifty["id"]} | FIFTY]
    assert env["STRIPE_WEBHOOK_SECRET"].startswith("whsec_")
    assert "$5.00" in said
    assert "¥20" in said
    assert env["STRIPE_WEBHOOK_SECRET"] not in said


def test_the_second_time_changes_nothing(site: LoopbackSite, tmp_path: Path) -> None:
    first = env_of(set_up()[0], tmp_path)
    before = account(site)
    lines, said = set_up()
    assert account(site) == before
    assert said.count("as it should be") == 3
    assert env_of(lines, tmp_path) == {"CREDIT_PACKS": first["CREDIT_PACKS"]}


def test_a_dry_run_writes_nothing_and_says_what_is_missing(site: LoopbackSite) -> None:
    before = account(site)
    lines, said = set_up("--dry-run")
    assert (account(site), lines, said.count("to do")) == (before, "", 3)
    assert "nothing written" in said


def test_a_dry_run_on_a_changed_account_writes_nothing_either(site: LoopbackSite) -> None:
    set_up()
    edit(site, "products", prices(site)["10"]["product"], name="Eleven")
    edit(site, "prices", prices(site)["50"], active="false")
    edit(site, "webhook_endpoints", endpoint(site), disabled="true")
    before = account(site)
    with override_settings(CREDIT_PACKS=[TEN | {"unit_amount": 600}, FIFTY]):
        _, said = set_up("--dry-run")
    assert account(site) == before
    assert said.count("to do") == 3


def test_each_change_of_the_amount_is_a_new_price_of_the_same_product(site: LoopbackSite) -> None:
    seen = []
    for amount in (500, 600, 500, 600):
        with override_settings(CREDIT_PACKS=[TEN | {"unit_amount": amount}]):
            lines, _ = set_up(site=None)
        seen.append(prices(site)["10"])
        assert seen[-1]["unit_amount"] == amount
        assert seen[-1]["id"] in lines
    assert len({price["id"] for price in seen}) == 4
    assert len({price["product"]["id"] for price in seen}) == 1
    # Those of before stay for sale.
    assert all(site.ask(f"/v1/prices/{price['id']}")["active"] for price in seen)


def test_what_somebody_changed_in_the_dashboard_is_put_right(site: LoopbackSite) -> None:
    set_up()
    price = prices(site)["10"]
    edit(site, "prices", price, active="false")
    edit(site, "products", price["product"], active="false", name="Eleven")
    _, said = set_up()
    fixed = prices(site)["10"]
    assert (fixed["id"], fixed["active"]) == (price["id"], True)
    assert (fixed["product"]["active"], fixed["product"]["name"]) == (True, "Ten haikus")
    assert "for sale" in said


@pytest.mark.parametrize("events", [["*"], ["charge.refunded", "customer.created"]], ids=str)
def test_an_endpoint_is_told_of_exactly_what_counts(site: LoopbackSite, events: list[str]) -> None:
    form = {f"enabled_events[{number}]": event for number, event in enumerate(events)}
    made = site.ask("/v1/webhook_endpoints", method="POST", url=URL, **form)
    edit(site, "webhook_endpoints", made, disabled="true")
    lines, said = set_up()
    assert (endpoint(site)["id"], endpoint(site)["status"]) == (made["id"], "enabled")
    assert set(endpoint(site)["enabled_events"]) == EVENTS
    assert "STRIPE_WEBHOOK_SECRET" not in lines
    assert "enabled again" in said


def test_two_sites_on_one_account_do_not_touch_each_other(site: LoopbackSite) -> None:
    set_up()
    mine = account(site)["prices"]
    with override_settings(SHOP_ID="22222222-2222-4222-8222-222222222222"):
        set_up(site="https://another.test")
    assert [each for each in account(site)["prices"] if each in mine] == mine
    assert len([each for each in account(site)["prices"] if each["lookup_key"]]) == 4
    assert len(account(site)["webhook_endpoints"]) == 2


def test_without_a_site_the_endpoint_is_left_alone(site: LoopbackSite) -> None:
    _, said = set_up(site=None)
    assert account(site)["webhook_endpoints"] == []
    assert "--site" in said


@pytest.mark.parametrize("address", ["credits.test", "https://credits.test/site", "ftp://credits.test", ""])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(CommandError, match="address without a path"):
        set_up(site=address)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"CREDIT_PACKS": []}, "CREDIT_PACKS is empty"),
        ({"CREDIT_PACKS": [TEN, {"credits": 20}]}, "Pack 2 of CREDIT_PACKS"),
        ({"CREDIT_PACKS": [TEN, TEN | {"name": "Also ten"}]}, "same credits and currency"),
        ({"STRIPE_SECRET_KEY": ""}, "STRIPE_SECRET_KEY is empty"),
        ({"SHOP_ID": ""}, "INSTANT_APP_ID is empty"),
    ],
    ids=lambda case: str(next(iter(case))) if isinstance(case, dict) else "",
)
def test_what_settings_leave_out_is_named(site: LoopbackSite, changed: dict[str, Any], said: str) -> None:
    before = account(site)
    with override_settings(**changed), pytest.raises(CommandError, match=said):
        set_up()
    assert account(site) == before


@pytest.mark.parametrize(
    ("key", "arguments", "address", "said"),
    [
        ("sk_live_x", [], SITE, "Add --live"),
        ("rk_live_x", [], SITE, "Add --live"),
        ("sk_test_x", ["--live"], SITE, "test key"),
        ("sk_live_x", ["--live"], "http://credits.test", "https"),
    ],
)
def test_real_money_must_be_meant_and_told_of_by_https(
    key: str, arguments: list[str], address: str, said: str
) -> None:
    # Nobody answers at this address: the key is looked at before anything is sent.
    client = Client(secret_key=key, api_base="http://127.0.0.1:9")
    with using(client), pytest.raises(CommandError, match=said):
        set_up(*arguments, site=address)


def test_an_outage_is_said_and_the_next_run_finishes(site: LoopbackSite) -> None:
    site.stripe_is_away = True
    with pytest.raises(CommandError, match="run this again"):
        set_up()
    site.stripe_is_away = False
    _, said = set_up()
    assert said.count("done") == 3


def test_an_endpoint_with_a_slash_is_the_same_and_a_stray_one_is_named(site: LoopbackSite) -> None:
    for path in ("/api/stripe/webhook/", "/webhook"):
        site.ask("/v1/webhook_endpoints", method="POST", url=SITE + path, **{"enabled_events[0]": "*"})
    _, said = set_up()
    assert len(site.ask("/v1/webhook_endpoints")["data"]) == 2
    assert f"Webhook ({SITE}/webhook): nothing answers there" in said


def test_a_price_that_lost_its_lookup_key_is_replaced_by_one_that_has_it(site: LoopbackSite) -> None:
    set_up()
    lost = prices(site)["10"]
    edit(site, "prices", lost, lookup_key="")
    lines, _ = set_up()
    assert prices(site)["10"]["id"] != lost["id"]
    assert prices(site)["10"]["id"] in lines


@override_settings(CHECKOUT_AUTOMATIC_TAX=True)
def test_tax_that_the_account_cannot_calculate_is_said() -> None:
    assert "Tax: not set up" in set_up()[1]
