"""The log of a site in production: each line says whose it is, and none says what nobody may read there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.world import World
from tests.drivers.member import DECLINED, JSON, PAYS, MemberClient
from tests.drivers.stripe import Stripe
from tests.drivers.worlds import UNLIMITED, running_world


@pytest.fixture(scope="module")
def talkative(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A site that logs all that it can, as objects."""
    env = UNLIMITED | {"LOG_JSON": "true", "LOG_LEVEL": "DEBUG"}
    with running_world(tmp_path_factory.mktemp("world"), env=env) as world:
        yield world


def log_of(world: World) -> str:
    return (world.data_dir / "site1.log").read_text()


def lines(world: World, *, logger: str, of: str = "") -> list[dict[str, Any]]:
    """What a logger has said, all of it or what names an id."""
    said = [json.loads(line) for line in log_of(world).splitlines()]
    return [line for line in said if line["logger"] == logger and of in line["message"]]


def test_a_movement_of_credits_says_which_request_event_and_checkout_it_came_from(talkative: World) -> None:
    ada = MemberClient.at(talkative).sign_in()
    checkout_id = ada.buy()
    ada.await_credits(10)
    (credited,) = lines(talkative, logger="instant_admin.ledger.store", of=checkout_id)
    member_id = credited["member"]
    assert ada.write("rain", None, **{**JSON, "X-Request-ID": "written-by-ada"}).status_code == 201
    (spent,) = lines(talkative, logger="instant_admin.ledger.store", of=f"spend:{member_id}:")
    (signed_in,) = (
        line for line in lines(talkative, logger="security", of="signed in") if line["member"] == member_id
    )
    assert credited["entry"] == f"purchase:{checkout_id}"
    assert credited["checkout"] == checkout_id
    assert credited["event"].startswith("evt_")
    assert credited["stripe_request"].startswith("req_")
    assert spent["member"] == member_id
    assert spent["entry"].startswith(f"spend:{member_id}:")
    assert "event" not in spent
    assert spent["request"] == "written-by-ada"
    assert len({credited["request"], spent["request"], signed_in["request"]}) == 3


def test_no_line_has_a_secret_an_email_a_code_or_a_card_though_everything_is_logged(talkative: World) -> None:
    stripe, keys = Stripe(talkative), talkative.keys
    ada = MemberClient.at(talkative)
    ada.email = "ada.lovelace@example.com"
    ada.ask_for_code(ada.email)
    assert ada.enter_code("wrong!").headers["Location"] == "/sign-in/code/"
    ada.sign_in(ada.email)
    ada.pay(ada.open_checkout(), DECLINED)
    checkout_id = ada.buy()
    ada.sync(checkout_id)
    ada.await_credits(10)
    ada.write("a topic of hers")
    ada.get("/history/")
    assert ada.get("/account/export.json").status_code == 200
    stripe.refund(checkout_id, 500)
    ada.await_credits(-1)
    session = ada.http.cookies["sessionid"]
    read = f"from accounts.members import recall; print(recall(SessionStore({session!r})).refresh_token)"
    token = talkative.manage(
        "shell", "-c", f"from accounts.sessions import SessionStore; {read}"
    ).stdout.split()[-1]
    log = log_of(talkative)
    assert log.count("\n") > 20
    secrets = {
        *(ada.email, "lovelace", token, *ada.codes()),
        *(str(cookie.value) for cookie in ada.http.cookies),
        *(PAYS, DECLINED, "a topic of hers"),
        *(
            keys.django,
            keys.instant_admin_token,
            keys.stripe_secret,
            keys.stripe_webhook,
            keys.staff_password,
        ),
    }
    assert len(token) > 30
    assert [secret for secret in secrets if secret in log] == []
