"""Codes belong to the browser that asked, and are looked at five times."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts import codes
from accounts.codes import CodeRefused, ExpiredCode, TriedTooOften, WrongCode
from accounts.limits import TooOften
from accounts.models import SignInCode

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("instant")]
EMAIL = "ada@example.com"


def asks(
    place: str, email: str = EMAIL, *, address: str = "192.0.2.1", known_browser: str | None = None
) -> str:
    """Have a code mailed; the code, as the owner of the mailbox reads it."""
    codes.send_code(
        email,
        place=place,
        address=address,
        known_browser=known_browser,
        code_page="https://site.example/code/",
    )
    newest = mail.outbox[-1]
    assert newest.to == [email]
    return str(newest.subject)[:6]


def until(refusal: type[Exception], act: Callable[[], object]) -> int:
    """Do it until it is refused; how often it was not."""
    for done in count():
        try:
            act()
        except refusal:
            return done
    raise AssertionError


def guess(code: str, place: str) -> None:
    with pytest.raises(WrongCode):
        codes.check_code(code, place=place)


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def test_a_code_signs_its_email_in_once() -> None:
    code = asks("here")
    member = codes.check_code(code, place="here")
    assert (member.email, bool(member.refresh_token)) == (EMAIL, True)
    with pytest.raises(ExpiredCode):
        codes.check_code(code, place="here")


def test_the_mail_has_a_link_with_the_code() -> None:
    code = asks("here")
    assert f"https://site.example/code/?code={code}\n" in str(mail.outbox[-1].body)


def test_a_code_works_only_where_it_was_asked_for() -> None:
    here, there = asks("here"), asks("there", address="198.51.100.1")
    with pytest.raises(CodeRefused):
        codes.check_code(here, place="elsewhere")
    if here != there:
        guess(here, "there")
    assert codes.check_code(there, place="there").email == EMAIL


def test_only_the_newest_code_of_a_browser_works() -> None:
    first, second = asks("here"), asks("here")
    if first != second:
        guess(first, "here")
    assert codes.check_code(second, place="here").email == EMAIL


def test_a_code_ends_after_ten_minutes() -> None:
    code = asks("here")
    left = SignInCode.objects.get().ends_at - timezone.now()
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)
    SignInCode.objects.update(ends_at=timezone.now())
    with pytest.raises(ExpiredCode):
        codes.check_code(code, place="here")


def test_after_five_wrong_tries_not_even_the_right_code_works() -> None:
    code = asks("here")
    for _ in range(5):
        guess(other_than(code), "here")
    with pytest.raises(TriedTooOften) as refused:
        codes.check_code(code, place="here")
    assert refused.value.retry_after_s in range(590, 601)
    assert codes.check_code(asks("here"), place="here").email == EMAIL


def test_the_owner_gets_in_while_a_stranger_asks_and_guesses_as_fast_as_allowed(settings: Any) -> None:
    """From their usual browser even when many addresses have used up what one email may ask for in a day."""
    in_hand = asks("owner")

    def ask_and_guess(stranger: int) -> None:
        place = f"stranger {stranger}"
        code = asks(place, address=f"198.51.100.{stranger}")
        assert until(TriedTooOften, lambda: guess(other_than(code), place)) == settings.TRIES_PER_CODE

    for stranger in range(10):
        until(TooOften, partial(ask_and_guess, stranger))
    assert codes.check_code(in_hand, place="owner").email == EMAIL
    with pytest.raises(TooOften):
        asks("owner, in a new browser")
    again = asks("owner", known_browser="theirs")
    assert codes.check_code(again, place="owner").email == EMAIL


def test_one_stranger_keeps_nobody_from_asking() -> None:
    until(TooOften, lambda: asks("stranger", address="198.51.100.1"))
    assert codes.check_code(asks("owner", address="192.0.2.1"), place="owner").email == EMAIL


@pytest.mark.parametrize(
    ("limit", "email", "address"),
    [
        ("CODES_PER_ADDRESS_PER_HOUR", "a{}@example.com", "192.0.2.1"),
        ("CODES_PER_ADDRESS_PER_HOUR", "a{}@example.com", "2001:db8::{}"),
        ("CODES_PER_EMAIL_AND_ADDRESS_PER_HOUR", "a.da+{}@gmail.com", "192.0.2.1"),
        ("CODES_PER_EMAIL_PER_DAY", "ada+{}@example.com", "192.0.2.{}"),
        ("CODES_PER_MINUTE", "a{}@example.com", "192.0.2.{}"),
    ],
)
def test_each_limit_on_mails_holds(settings: Any, limit: str, email: str, address: str) -> None:
    setattr(settings, limit, 2)
    for number in (1, 2):
        asks("here", email.format(number), address=address.format(number))
    with pytest.raises(TooOften) as refused:
        asks("here", email.format(3), address=address.format(3))
    assert refused.value.limit == limit
    assert len(mail.outbox) == 2


@pytest.mark.deep
def test_guessing_at_a_hundred_accounts_for_a_day_gets_into_none(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a new address for each code. At most five guesses in a million are looked at for a code."""
    settings.CODES_PER_MINUTE = 1_000_000
    chance, clock = random.Random(2027), [datetime(2027, 1, 1, tzinfo=UTC)]
    monkeypatch.setattr(secrets, "randbelow", chance.randrange)
    monkeypatch.setattr(timezone, "now", lambda: clock[0])
    asked = 0

    def ask_and_guess(account: int) -> None:
        nonlocal asked
        place, address = f"place {asked}", f"10.0.{asked // 250}.{asked % 250}"
        asks(place, f"victim{account}@example.com", address=address)
        asked += 1
        assert until(TriedTooOften, lambda: guess(f"{chance.randrange(1_000_000):06}", place)) == 5

    for _ in range(24):
        for account in range(100):
            until(TooOften, partial(ask_and_guess, account))
        clock[0] += timedelta(hours=1)
    assert 100 * settings.CODES_PER_EMAIL_PER_DAY < asked < 200 * settings.CODES_PER_EMAIL_PER_DAY
