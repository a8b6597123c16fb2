"""A password of one's own: taken as it was typed, changed by whoever has the old one, and not written down."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.drivers.staff import LOGIN, PASSWORD, is_in, let_pass, log_in

pytestmark = pytest.mark.slow

CHANGE = "/admin/password_change/"
NEXT = "battery staple horse"


def change(client: Client, *, old: str = PASSWORD) -> int:
    form = {"old_password": old, "new_password1": NEXT, "new_password2": NEXT}
    return client.post(CHANGE, form).status_code


def test_nobody_is_staff_until_somebody_is_made(db: None) -> None:
    assert not User.objects.exists()


def test_a_new_password_wants_the_old_one(logged_in: Client, grace: User) -> None:
    assert change(logged_in, old="a guess of somebody") == 200
    assert log_in(Client(), grace, password=NEXT).status_code == 200
    assert change(logged_in) == 302
    assert log_in(Client(), grace, password=NEXT).status_code == 302
    assert log_in(Client(), grace, password=PASSWORD).status_code == 200


def test_a_new_password_ends_every_other_login_and_not_this_one(logged_in: Client, grace: User) -> None:
    elsewhere = Client()
    log_in(elsewhere, grace)
    change(logged_in)
    assert (is_in(logged_in), is_in(elsewhere)) == (True, False)


def test_who_does_not_work_here_any_more_is_out_at_once(logged_in: Client, grace: User) -> None:
    assert is_in(logged_in)
    User.objects.update(is_active=False)
    assert not is_in(logged_in)
    assert log_in(Client(), grace).status_code == 200


def test_a_password_is_taken_as_it_was_typed_however_long(client: Client, grace: User) -> None:
    password = f"  Correct Hörse {'battery ' * 20}🐎 "
    grace.set_password(password)
    grace.save()
    for other in (password.strip(), password.lower(), password[:72]):
        assert log_in(client, grace, password=other).status_code == 200
    assert log_in(client, grace, password=password).status_code == 302


@pytest.mark.parametrize(("page", "fields"), [(LOGIN, 1), (CHANGE, 3), ("/admin/confirm/", 1)])
def test_a_password_is_hidden_and_a_manager_of_passwords_may_fill_it_in(
    logged_in: Client, page: str, fields: int
) -> None:
    let_pass(logged_in, minutes=60)
    logged_in.post("/admin/two-factor/codes/")
    browser = Client() if page == LOGIN else logged_in
    shown = browser.get(page).content.decode()
    asked = re.findall(r'<input[^>]* name="\w*password\w*"[^>]*>', shown)
    assert len(asked) == fields
    for field in asked:
        assert 'type="password"' in field
        assert re.search(r'autocomplete="(current|new)-password"', field)
    assert "onpaste" not in shown
