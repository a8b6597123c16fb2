"""`manage.py doctor` on a whole site over real sockets: nothing is left behind, and each fault has its hint."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from instant_admin.client.admin import InstantAdmin
from sandbox.world import World
from tests.drivers.member import MemberClient

STORED = ("$users", "$userRefreshTokens", "$magicCodes", "haikus", "creditEntries")


def doctor(world: World) -> tuple[int, dict[str, list[dict[str, str]]]]:
    """The exit code, and the messages by level."""
    done = world.manage("doctor", "--json", check=False)
    assert "Traceback" not in done.stderr
    for secret in (world.keys.instant_admin_token, world.keys.stripe_secret):
        assert secret not in done.stdout + done.stderr
    found: dict[str, list[dict[str, str]]] = {"ok": [], "warning": [], "error": []}
    for message in json.loads(done.stdout)["messages"]:
        found[message["level"]].append(message)
    return done.returncode, found


def stored(instant: InstantAdmin) -> dict[str, set[str]]:
    tree = instant.query({name: {"$": {"fields": ["id"]}} for name in STORED})
    return {name: {row["id"] for row in tree[name]} for name in STORED}


def test_a_good_site_has_nothing_wrong_and_is_left_as_it_was(
    ada_with_ten_credits: MemberClient, world: World, instant: InstantAdmin
) -> None:
    ada_with_ten_credits.write()
    before, mails = stored(instant), set(world.mail_dir.iterdir())
    code, found = doctor(world)
    assert (code, found["error"]) == (0, [])
    assert {message["name"] for message in found["ok"]} >= {
        *("Database", "Migrations", "Database writes"),
        *("Instant", "Instant's clock", "Instant token", "Instant writes"),
        *("Unique keys", "Instant schema", "Instant rules"),
        *("Stripe's clock", "Prices", "Webhook"),
    }
    assert stored(instant) == before
    assert set(world.mail_dir.iterdir()) == mails


@pytest.mark.deep
def test_wrong_keys_of_both_services_and_a_missing_one_are_named_with_their_hints(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(world.site_env, "INSTANT_APP_ADMIN_TOKEN", str(uuid4()))
    monkeypatch.setitem(world.site_env, "STRIPE_SECRET_KEY", "sk_test_of_somebody_else")
    # A failing system check, which keeps other commands from running at all.
    monkeypatch.setitem(world.site_env, "STRIPE_WEBHOOK_SECRET", "")
    code, found = doctor(world)
    assert code == 1
    assert {message["name"]: message["hint"].partition(" from")[0] for message in found["error"]} == {
        "Settings": "Copy the endpoint's whsec_ value",
        "Instant token": "Copy INSTANT_APP_ID and INSTANT_APP_ADMIN_TOKEN",
        "Stripe key": "Copy the secret key",
    }
