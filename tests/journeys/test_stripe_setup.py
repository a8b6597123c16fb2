"""From a Stripe account that knows nothing of this site to a sale, by the one command that the README gives."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.drivers.member import MemberClient
from tests.drivers.stripe import Stripe
from tests.drivers.worlds import running_world

PACKS = [
    {"credits": 25, "name": "Twenty-five haikus", "unit_amount": 1000, "currency": "eur"},
    {"credits": 7, "name": "A week of haikus", "unit_amount": 300, "currency": "jpy"},
]


def settings_in(lines: str) -> dict[str, str]:
    """The lines as a shell would read them."""
    pairs = [shlex.split(line)[0].partition("=") for line in lines.splitlines()]
    return {name: value for name, _, value in pairs}


@pytest.mark.deep
def test_one_command_makes_a_shop_and_a_second_one_changes_nothing(tmp_path: Path) -> None:
    with running_world(tmp_path, deliver_webhooks=False) as world:
        client = Stripe(world).client
        world.site_env["CREDIT_PACKS"] = json.dumps(PACKS)
        refused = world.manage("check", check=False)
        assert (refused.returncode, "stripe_setup" in refused.stderr) == (1, True)

        assert world.manage("stripe_setup", "--site", world.site_url, "--dry-run").stdout == ""
        assert client.v1.webhook_endpoints.list().data == []
        first = world.manage("stripe_setup", "--site", world.site_url)
        events = [event.id for event in client.v1.events.list({"limit": 100}).data]
        second = world.manage("stripe_setup", "--site", world.site_url)
        assert second.stderr.count("as it should be") == len(PACKS) + 1
        assert [event.id for event in client.v1.events.list({"limit": 100}).data] == events

        made = settings_in(first.stdout)
        assert settings_in(second.stdout) == {"CREDIT_PACKS": made["CREDIT_PACKS"]}
        world.site_env |= made
        world.manage("check")
        world.sites[0].stop()
        world.sites[0].start()
        world.sites[0].await_answer("/readyz")

        ada = MemberClient.at(world).sign_in()
        page = ada.get("/").text
        assert "€10.00" in page
        assert "¥300" in page
        for pack in json.loads(made["CREDIT_PACKS"]):
            ada.buy(pack=pack["price"])
        # By webhook alone: nobody came back to the site.
        ada.await_credits(32)
