"""The page of a member's keys."""

from __future__ import annotations

import logging
import re
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from accounts.keys.making import Scope, keys_of, make_key
from accounts.models import ApiKey, Session
from tests.drivers.problems import problem_in
from tests.drivers.signed_in import ADA, JSON, browser_of

pytestmark = pytest.mark.django_db
PAGE = "/account/keys/"
FORM = {"name": "the printer", "scope": "spend", "daily_limit": "5"}


@pytest.fixture
def ada() -> Client:
    return browser_of(ADA)


def token_on(page: str) -> str:
    found = re.search(r'id="token" readonly value="([^"]*)"', page)
    return found[1] if found else ""


def test_a_new_key_is_shown_once_and_only_a_hash_of_it_is_kept(ada: Client) -> None:
    answer = ada.post(PAGE, FORM)
    assert (answer.status_code, answer["Location"]) == (303, PAGE)
    (waiting,) = Session.objects.all()
    response = ada.get(PAGE)
    token = token_on(response.content.decode())
    assert re.fullmatch(r"ic_[\w-]{43}", token)
    assert "no-store" in response["Cache-Control"]
    again = ada.get(PAGE).content.decode()
    assert (token_on(again), "the printer" in again, token[:9] in again, token in again) == (
        "",
        True,
        True,
        False,
    )
    (key,) = keys_of(ADA.id)
    assert (key.name, key.scope, key.daily_limit, key.used_at) == ("the printer", Scope.SPEND, 5, None)
    # Not even while it waited to be shown.
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_apikey")
        assert token not in str(cursor.fetchall())
    assert token not in str(waiting.get_decoded())


def test_looking_at_the_page_in_another_way_leaves_the_key_for_the_member(ada: Client) -> None:
    ada.post(PAGE, FORM)
    ada.head(PAGE)
    ada.get(PAGE, headers=JSON)
    assert token_on(ada.get(PAGE).content.decode())


def test_a_program_of_a_browser_makes_lists_and_revokes_keys_too(ada: Client) -> None:
    made = ada.post(PAGE, FORM, headers=JSON)
    assert (made.status_code, made.json()["token"][:3]) == (201, "ic_")
    key = made.json()["key"]
    assert (key["name"], key["scope"], key["dailyLimit"], key["usedAt"]) == ("the printer", "spend", 5, None)
    assert ada.get(PAGE, headers=JSON).json() == {"keys": [key]}
    assert ada.post(f"{PAGE}{key['id']}/revoke/", headers=JSON).json() == {"revoked": True}
    assert ada.get(PAGE, headers=JSON).json() == {"keys": []}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "Give the key a name."),
        ({"scope": "admin"}, "Select a valid choice. admin is not one of the available choices."),
        ({"scope": ""}, "Choose what the key may do."),
        ({"daily_limit": "1.5"}, "The limit is a whole number of credits."),
        ({"daily_limit": "0"}, "Ensure this value is greater than or equal to 1."),
    ],
)
def test_what_is_wrong_with_a_key_is_said_on_its_page(ada: Client, wrong: dict[str, str], said: str) -> None:
    assert problem_in(ada.post(PAGE, FORM | wrong, headers=JSON)) == (422, said)
    answer = ada.post(PAGE, FORM | wrong)
    assert (answer.status_code, answer["Location"]) == (303, PAGE)
    page = ada.get(PAGE).content.decode()
    assert (said in page, keys_of(ADA.id)) == (True, [])


def test_a_member_has_so_many_keys_and_no_more(ada: Client, settings: Any) -> None:
    settings.KEYS_PER_MEMBER = 2
    make_key(uuid4(), name="of another member", scope=Scope.READ, daily_limit=None)
    for _ in range(2):
        assert ada.post(PAGE, FORM, headers=JSON).status_code == 201
    assert problem_in(ada.post(PAGE, FORM, headers=JSON))[0] == 409
    ada.post(PAGE, FORM)
    assert "as many keys as you may have" in ada.get(PAGE).content.decode()
    assert len(keys_of(ADA.id)) == 2


def test_a_revoked_key_is_gone_and_anothers_is_not_there(ada: Client) -> None:
    mine, _ = make_key(ADA.id, name="mine", scope=Scope.READ, daily_limit=None)
    theirs, _ = make_key(uuid4(), name="theirs", scope=Scope.READ, daily_limit=None)
    assert ada.get(f"{PAGE}{mine.pk}/revoke/").status_code == 405
    assert ada.post(f"{PAGE}{theirs.pk}/revoke/", headers=JSON).status_code == 404
    answer = ada.post(f"{PAGE}{mine.pk}/revoke/")
    assert (answer.status_code, answer["Location"]) == (303, PAGE)
    page = ada.get(PAGE).content.decode()
    assert ("The key is revoked." in page, "theirs" in page) == (True, False)
    assert [*ApiKey.objects.all()] == [theirs]


def test_signed_out_nobody_sees_or_makes_a_key() -> None:
    for answer in (Client().get(PAGE), Client().post(PAGE, FORM), Client().post(f"{PAGE}{uuid4()}/revoke/")):
        assert (answer.status_code, answer["Location"].startswith("/sign-in/")) == (303, True)
    strict = browser_of(ADA, enforce_csrf_checks=True)
    strict.post(PAGE, FORM)
    assert not ApiKey.objects.exists()


def test_making_and_revoking_are_in_the_security_log(ada: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "security")
    made = ada.post(PAGE, FORM, headers=JSON).json()
    ada.post(f"{PAGE}{made['key']['id']}/revoke/")
    lines = [line for line in caplog.messages if line.startswith("key ")]
    assert [line.split(" key=")[0] for line in lines] == ["key made", "key revoked"]
    assert all(str(ADA.id) in line and made["key"]["id"] in line for line in lines)
    assert made["token"] not in caplog.text


def test_the_account_says_how_many_keys_there_are(ada: Client) -> None:
    make_key(ADA.id, name="mine", scope=Scope.READ, daily_limit=None)
    page = ada.get("/account/").content.decode()
    assert ("1 key." in page, f'href="{PAGE}"' in page) == (True, True)
