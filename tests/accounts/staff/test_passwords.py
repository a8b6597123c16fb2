"""What wants a password that was typed lately asks for it, and goes on. Shown with new backup codes."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django_otp.plugins.otp_static.models import StaticToken
from pytest_django import Settings

from tests.drivers.staff import PASSWORD, is_in, let_pass

pytestmark = pytest.mark.slow

ACTION = "/admin/two-factor/codes/"
CONFIRM = "/admin/confirm/"
CAME_FROM = {"Referer": "http://testserver/admin/two-factor/"}


@pytest.fixture
def an_hour_later(logged_in: Client) -> Client:
    """Her browser, an hour after she logged in."""
    let_pass(logged_in, minutes=60)
    return logged_in


def is_done() -> bool:
    return bool(StaticToken.objects.exists())


def test_within_the_hour_nobody_is_asked(logged_in: Client) -> None:
    let_pass(logged_in, minutes=59)
    assert logged_in.post(ACTION)["Location"] == "/admin/two-factor/"
    assert is_done()


def test_after_an_hour_a_page_asks_and_nothing_is_done_yet(an_hour_later: Client) -> None:
    answer = an_hour_later.post(ACTION)
    assert (answer.status_code, answer["Location"]) == (303, CONFIRM)
    assert not is_done()
    assert is_in(an_hour_later)


def test_the_page_sends_the_same_form_with_all_that_was_typed(an_hour_later: Client) -> None:
    an_hour_later.post(
        ACTION + "?all=1", {"reason": 'a "quoted" <word>', "many": ["1", "2"]}, headers=CAME_FROM
    )
    page = an_hour_later.get(CONFIRM).content.decode()
    assert f'action="{ACTION}?all=1"' in page
    assert 'name="reason" value="a &quot;quoted&quot; &lt;word&gt;"' in page
    assert 'name="many" value="1"' in page
    assert 'name="many" value="2"' in page
    assert 'href="/admin/two-factor/"' in page


def test_the_right_password_does_what_was_asked_and_the_next_is_not_asked(an_hour_later: Client) -> None:
    an_hour_later.post(ACTION)
    assert an_hour_later.post(ACTION, {"password_again": PASSWORD})["Location"] == "/admin/two-factor/"
    assert is_done()
    assert an_hour_later.get(CONFIRM)["Location"] == "/admin/"
    assert an_hour_later.post(ACTION)["Location"] == "/admin/two-factor/"


def test_what_was_done_is_in_the_log(an_hour_later: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="security"):
        an_hour_later.post(ACTION)
        an_hour_later.post(ACTION, {"password_again": "guess"})
        an_hour_later.post(ACTION, {"password_again": PASSWORD})
    lines = [record.getMessage() for record in caplog.records if record.name == "security"]
    assert [line.partition(" staff=")[0] for line in lines] == [
        "staff password refused",
        f"staff action path={ACTION}",
    ]


def test_a_wrong_password_asks_again_and_nothing_is_lost_or_done(an_hour_later: Client) -> None:
    an_hour_later.post(ACTION, {"reason": "Goodwill"}, headers=CAME_FROM)
    wrong = {"reason": "Goodwill", "password_again": "guess"}
    referer = {"Referer": f"http://testserver{CONFIRM}"}
    assert an_hour_later.post(ACTION, wrong, headers=referer)["Location"] == CONFIRM
    page = an_hour_later.get(CONFIRM).content.decode()
    assert "not your password" in page
    assert 'name="reason" value="Goodwill"' in page
    assert "guess" not in page + str(dict(an_hour_later.session))
    assert 'href="/admin/two-factor/"' in page
    assert not is_done()


def test_the_password_of_another_does_not_help(an_hour_later: Client) -> None:
    User.objects.create_superuser("alan", password="alans own password")
    an_hour_later.post(ACTION, {"password_again": "alans own password"})
    assert not is_done()


def test_guessing_here_is_counted_with_the_logins(an_hour_later: Client, settings: Settings) -> None:
    settings.STAFF_LOGINS_PER_NAME_AND_ADDRESS_PER_HOUR = 3
    for _ in range(3):
        an_hour_later.post(ACTION, {"password_again": "guess"})
    answer = an_hour_later.post(ACTION, {"password_again": PASSWORD})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert not is_done()


def test_guessing_where_it_is_changed_is_counted_too(logged_in: Client, settings: Settings) -> None:
    settings.STAFF_LOGINS_PER_NAME_AND_ADDRESS_PER_HOUR = 3
    new = {"new_password1": "another horse battery", "new_password2": "another horse battery"}
    for _ in range(3):
        logged_in.post("/admin/password_change/", new | {"old_password": "guess"})
    answer = logged_in.post("/admin/password_change/", new | {"old_password": PASSWORD})
    assert answer.status_code == 429


def test_a_password_typed_again_does_not_make_the_login_longer(an_hour_later: Client) -> None:
    an_hour_later.post(ACTION, {"password_again": PASSWORD})
    let_pass(an_hour_later, minutes=7 * 60)
    assert not is_in(an_hour_later)


def test_the_form_that_is_sent_again_needs_its_token(grace: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(grace)
    assert strict.post(ACTION, {"password_again": PASSWORD}).status_code == 403
    assert not is_done()
