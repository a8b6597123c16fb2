"""A code from an app besides the password."""

from __future__ import annotations

import re
from base64 import b32decode

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import Settings

from tests.drivers.staff import LOGIN, PASSWORD, is_in, let_pass, log_in, staff

pytestmark = pytest.mark.slow

PAGE = "/admin/two-factor/"


class Phone:
    """An authenticator app with one key."""

    def __init__(self, key: str) -> None:
        self.key = b32decode(key)

    def code(self, *, later_s: int = 0) -> str:
        """The code that it shows now, or will show then."""
        return f"{totp(self.key, t0=-later_s):06d}"


def page(client: Client) -> str:
    return client.get(PAGE).content.decode()


def scan(client: Client) -> Phone:
    """Take the key from the page; the QR code is a picture of the same."""
    key = re.search(r'two-factor__key">([A-Z2-7]+)<', page(client))
    assert key
    return Phone(key[1])


def turn_on(client: Client) -> tuple[Phone, list[str]]:
    """Set up an app; it, and the backup codes."""
    phone = scan(client)
    client.post(f"{PAGE}on/", {"code": phone.code()})
    return phone, re.findall(r"<li><code>(\w+)</code>", page(client))


def test_the_page_has_the_key_as_a_picture_and_as_an_address(logged_in: Client) -> None:
    shown = page(logged_in)
    assert 'src="data:image/svg+xml;base64,' in shown
    assert 'href="otpauth://totp/Instant%20Credits%3Agrace?secret=' in shown


def test_the_key_stays_the_same_until_it_is_used(logged_in: Client) -> None:
    assert scan(logged_in).key == scan(logged_in).key


def test_a_right_code_turns_it_on_and_the_browser_stays_logged_in(logged_in: Client, grace: User) -> None:
    turn_on(logged_in)
    assert is_in(logged_in)
    assert TOTPDevice.objects.get().user == grace


@pytest.mark.parametrize("code", ["000000", "", "rain", "-00001", "9" * 5000])
def test_a_wrong_code_turns_nothing_on(logged_in: Client, code: str) -> None:
    scan(logged_in)
    answer = logged_in.post(f"{PAGE}on/", {"code": code}, follow=True)
    assert "not the code of this key" in answer.content.decode()
    assert not TOTPDevice.objects.exists()


def test_a_code_without_a_key_turns_nothing_on(logged_in: Client) -> None:
    logged_in.post(f"{PAGE}on/", {"code": "000000"})
    assert not TOTPDevice.objects.exists()


def test_then_the_password_alone_opens_nothing(logged_in: Client, grace: User) -> None:
    turn_on(logged_in)
    stranger = Client()
    assert b"errornote" in log_in(stranger, grace).content
    assert not is_in(stranger)


def test_the_answer_to_a_wrong_code_and_to_a_wrong_password_are_the_same(
    logged_in: Client, grace: User
) -> None:
    turn_on(logged_in)
    wrong_code, wrong_password = (
        re.findall(r'errornote">(.*?)<', log_in(Client(), grace, **wrong).content.decode())
        for wrong in ({"code": "000000"}, {"password": "guess"})
    )
    assert wrong_code == wrong_password != []


def test_a_wrong_code_after_the_right_password_is_in_the_log(
    logged_in: Client, grace: User, caplog: pytest.LogCaptureFixture
) -> None:
    turn_on(logged_in)
    caplog.clear()
    with caplog.at_level("INFO", logger="security"):
        log_in(Client(), grace, code="000000")
    (line,) = (record.getMessage() for record in caplog.records if record.name == "security")
    assert line.startswith(f"staff code refused of={grace.pk} ")
    assert "000000" not in line


def test_the_password_and_a_code_do(logged_in: Client, grace: User) -> None:
    phone, _ = turn_on(logged_in)
    browser = Client()
    assert log_in(browser, grace, code=phone.code(later_s=30)).status_code == 302
    assert is_in(browser)


def test_the_code_it_was_turned_on_with_is_used_up(logged_in: Client, grace: User) -> None:
    code = scan(logged_in).code()
    logged_in.post(f"{PAGE}on/", {"code": code})
    assert log_in(Client(), grace, code=code).status_code == 200


def test_a_code_is_good_once(logged_in: Client, grace: User) -> None:
    phone, _ = turn_on(logged_in)
    code = phone.code(later_s=30)
    assert log_in(Client(), grace, code=code).status_code == 302
    assert log_in(Client(), grace, code=code).status_code == 200


def test_a_code_without_the_password_opens_nothing(logged_in: Client, grace: User) -> None:
    phone, _ = turn_on(logged_in)
    assert log_in(Client(), grace, password="guess", code=phone.code(later_s=30)).status_code == 200


def test_the_code_of_another_opens_nothing(logged_in: Client) -> None:
    phone, _ = turn_on(logged_in)
    other = Client()
    alan = staff("alan")
    other.force_login(alan)
    turn_on(other)
    assert log_in(Client(), alan, code=phone.code(later_s=30)).status_code == 200


def test_right_after_a_wrong_code_a_right_one_has_to_wait(logged_in: Client, grace: User) -> None:
    phone, _ = turn_on(logged_in)
    log_in(Client(), grace, code="000000")
    assert log_in(Client(), grace, code=phone.code(later_s=30)).status_code == 200
    TOTPDevice.objects.update(throttling_failure_timestamp=None, throttling_failure_count=0)
    assert log_in(Client(), grace, code=phone.code(later_s=30)).status_code == 302


def test_wrong_passwords_make_no_code_wait(logged_in: Client, grace: User) -> None:
    phone, _ = turn_on(logged_in)
    log_in(Client(), grace, password="guess", code="000000")
    assert log_in(Client(), grace, code=phone.code(later_s=30)).status_code == 302


def test_another_browser_that_was_logged_in_has_to_give_a_code(logged_in: Client, grace: User) -> None:
    other = Client()
    other.force_login(grace)
    phone, _ = turn_on(logged_in)
    assert not is_in(other)
    assert other.get(PAGE).status_code == 302
    assert "Log in once more here, with a code" in other.get(LOGIN).content.decode()
    log_in(other, grace, code=phone.code(later_s=30))
    assert is_in(other)


def test_a_backup_code_logs_in_once(logged_in: Client, grace: User) -> None:
    _, codes = turn_on(logged_in)
    assert len(set(codes)) == 10
    browser = Client()
    assert log_in(browser, grace, code=codes[3]).status_code == 302
    assert is_in(browser)
    assert "9 backup codes left" in page(browser)
    assert log_in(Client(), grace, code=codes[3]).status_code == 200


def test_backup_codes_are_shown_once(logged_in: Client) -> None:
    _, codes = turn_on(logged_in)
    colleague = Client()
    colleague.force_login(staff("alan"))
    turn_on(colleague)
    assert "10 backup codes left" in page(logged_in)
    assert codes[0] not in page(logged_in)


def test_new_backup_codes_end_those_from_before(logged_in: Client, grace: User) -> None:
    _, before = turn_on(logged_in)
    logged_in.post(f"{PAGE}codes/")
    after = re.findall(r"<li><code>(\w+)</code>", page(logged_in))
    assert log_in(Client(), grace, code=before[0]).status_code == 200
    assert set(before).isdisjoint(after)


def test_it_can_be_turned_off(logged_in: Client, grace: User) -> None:
    turn_on(logged_in)
    logged_in.post(f"{PAGE}off/")
    assert is_in(logged_in)
    assert log_in(Client(), grace).status_code == 302
    assert "Turn it on" in page(logged_in)
    assert not StaticDevice.objects.exists()


def test_an_app_that_somebody_deletes_in_the_admin_is_asked_for_no_more(
    logged_in: Client, grace: User
) -> None:
    turn_on(logged_in)
    TOTPDevice.objects.all().delete()
    assert log_in(Client(), grace).status_code == 302


@pytest.mark.parametrize("action", ["on", "codes", "off"])
def test_an_hour_later_each_of_it_wants_the_password(logged_in: Client, action: str) -> None:
    phone = scan(logged_in) if action == "on" else turn_on(logged_in)[0]
    before = list(TOTPDevice.objects.all())
    let_pass(logged_in, minutes=60)
    form = {"code": phone.code()}
    assert logged_in.post(f"{PAGE}{action}/", form)["Location"] == "/admin/confirm/"
    assert list(TOTPDevice.objects.all()) == before
    assert logged_in.post(f"{PAGE}{action}/", form | {"password_again": PASSWORD})["Location"] == PAGE


@pytest.mark.parametrize("action", ["on", "codes", "off"])
def test_a_link_does_nothing(logged_in: Client, action: str) -> None:
    assert logged_in.get(f"{PAGE}{action}/").status_code == 405


@pytest.mark.django_db
@pytest.mark.parametrize("path", [PAGE, "/admin/confirm/"])
def test_it_is_for_staff(client: Client, path: str) -> None:
    assert client.get(path)["Location"] == f"{LOGIN}?next={path}"


def test_nobody_sees_the_key_of_another(logged_in: Client) -> None:
    turn_on(logged_in)
    device = TOTPDevice.objects.get()
    for path in ("change", "qrcode", "config"):
        answer = logged_in.get(f"/admin/otp_totp/totpdevice/{device.pk}/{path}/")
        assert answer.status_code == (200 if path == "change" else 403)
        assert device.key not in answer.content.decode()
    assert logged_in.get("/admin/otp_static/staticdevice/").status_code == 404


def test_where_it_is_required_one_sets_it_up_first(logged_in: Client, settings: Settings) -> None:
    settings.STAFF_TOTP_REQUIRED = True
    for path in ("/admin/", "/admin/auth/user/", "/admin/nowhere/"):
        assert logged_in.get(path)["Location"] == PAGE
    turn_on(logged_in)
    assert is_in(logged_in)


def test_where_it_is_required_it_can_be_set_up_an_hour_later_too(
    logged_in: Client, settings: Settings
) -> None:
    settings.STAFF_TOTP_REQUIRED = True
    let_pass(logged_in, minutes=60)
    phone = scan(logged_in)
    logged_in.post(f"{PAGE}on/", {"code": phone.code()}, follow=True)
    logged_in.post(f"{PAGE}on/", {"code": phone.code(), "password_again": PASSWORD})
    assert is_in(logged_in)
