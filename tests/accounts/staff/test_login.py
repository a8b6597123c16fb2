"""How staff log in, how often it may be tried, and how long it lasts."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from pytest_django import Settings

from tests.drivers.signed_in import ADA, browser_of
from tests.drivers.staff import LOGIN, PASSWORD, is_in, let_pass, log_in, staff

pytestmark = pytest.mark.slow

HERE, ELSEWHERE = "203.0.113.7", "198.51.100.9"


def browser_at(address: str) -> Client:
    return Client(REMOTE_ADDR=address)


def test_the_right_password_logs_in(client: Client, grace: User) -> None:
    answer = log_in(client, grace)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    assert is_in(client)


def test_a_wrong_password_does_not(client: Client, grace: User) -> None:
    assert b"errornote" in log_in(client, grace, password="incorrect").content
    assert not is_in(client)


def test_whoever_guesses_at_a_name_is_stopped_even_at_the_right_password_and_nobody_else_is(
    grace: User, settings: Settings
) -> None:
    settings.STAFF_LOGINS_PER_NAME_AND_ADDRESS_PER_HOUR = 3
    for number in range(3):
        assert log_in(browser_at(HERE), grace, password=f"guess {number}").status_code == 200
    answer = log_in(browser_at(HERE), grace)
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 3600
    page = answer.content.decode()
    assert "tried too often" in page
    assert "admin/css/login.css" in page
    assert log_in(browser_at(ELSEWHERE), grace).status_code == 302
    assert log_in(browser_at(HERE), staff("alan")).status_code == 302


def test_whoever_tries_many_names_is_stopped_too(grace: User, settings: Settings) -> None:
    settings.STAFF_LOGINS_PER_ADDRESS_PER_HOUR = 3
    for name in ("alan", "edsger", "barbara"):
        assert browser_at(HERE).post(LOGIN, {"username": name, "password": "guess"}).status_code == 200
    assert log_in(browser_at(HERE), grace).status_code == 429
    assert log_in(browser_at(ELSEWHERE), grace).status_code == 302


def test_the_addresses_of_one_ipv6_network_are_one(grace: User, settings: Settings) -> None:
    settings.STAFF_LOGINS_PER_NAME_AND_ADDRESS_PER_HOUR = 3
    for number in range(3):
        log_in(browser_at(f"2001:db8::{number}"), grace, password="guess")
    assert log_in(browser_at("2001:db8::99"), grace).status_code == 429
    assert log_in(browser_at("2001:db8:0:1::99"), grace).status_code == 302


@pytest.mark.parametrize("password", ["elevenchars", "123456789012345", "password1234", "grace-grace-1"])
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password, User(username="grace-grace"))


def test_a_long_one_is_not() -> None:
    validate_password(PASSWORD, User(username="grace"))


def test_a_login_lasts_eight_hours_from_its_beginning_however_busy_they_are(
    client: Client, grace: User
) -> None:
    log_in(client, grace)
    let_pass(client, minutes=8 * 60 - 1)
    assert is_in(client)
    let_pass(client, minutes=1)
    assert not is_in(client)
    assert "Log in once more" not in client.get(LOGIN).content.decode()
    log_in(client, grace)
    assert is_in(client)


def test_the_settings_say_how_many_hours(logged_in: Client, settings: Settings) -> None:
    settings.STAFF_SESSION_HOURS = 1
    let_pass(logged_in, minutes=60)
    assert not is_in(logged_in)


def test_a_login_from_before_logins_ended_is_over(logged_in: Client) -> None:
    session = logged_in.session
    for key in [key for key, value in session.items() if isinstance(value, float)]:
        del session[key]
    session.save()
    assert not is_in(logged_in)


def test_a_member_stays_signed_in_when_the_staffs_login_ends(grace: User) -> None:
    browser = browser_of(ADA)
    log_in(browser, grace)
    member = browser.session["member"]
    before = browser.session.session_key
    let_pass(browser, minutes=8 * 60)
    assert not is_in(browser)
    assert browser.session["member"] == member
    assert browser.session.session_key != before


def test_the_next_finds_nothing_of_whoever_was_there_before(logged_in: Client) -> None:
    logged_in.get("/admin/two-factor/")
    let_pass(logged_in, minutes=60)
    logged_in.post("/admin/two-factor/codes/")
    let_pass(logged_in, minutes=7 * 60)
    assert not is_in(logged_in)
    assert list(logged_in.session.keys()) == []


def test_a_form_that_was_open_for_longer_leads_back_to_its_page(logged_in: Client) -> None:
    let_pass(logged_in, minutes=8 * 60)
    page = "/admin/auth/user/add/"
    answer = logged_in.post("/admin/two-factor/codes/", headers={"Referer": f"http://testserver{page}"})
    assert (answer.status_code, answer["Location"]) == (302, f"{LOGIN}?next={page}")
    assert "nothing was done" in logged_in.get(answer["Location"]).content.decode()


def test_the_log_says_who_logged_in_and_what_was_refused(
    client: Client, grace: User, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.STAFF_LOGINS_PER_NAME_AND_ADDRESS_PER_HOUR = 2
    with caplog.at_level("INFO", logger="security"):
        for password in ("guess", PASSWORD, "guess"):
            log_in(client, grace, password=password)
    lines = [record.getMessage() for record in caplog.records if record.name == "security"]
    refused, logged_in, limited = lines
    assert refused.startswith("staff password refused ")
    assert "address=127.0.0.1" in refused
    assert logged_in.startswith(f"staff logged in staff={grace.pk} ")
    assert limited.startswith("limit reached limit=STAFF_LOGINS_PER_NAME_AND_ADDRESS_PER_HOUR ")
    assert not any(secret in line for line in lines for secret in ("guess", PASSWORD))
