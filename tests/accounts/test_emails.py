"""One mailbox is one member, and what is no mailbox is told in words."""

import pytest
from django.core.exceptions import ValidationError

from accounts.emails import canonical, mailbox_of, readable


@pytest.mark.parametrize(
    ("typed", "email"),
    [
        (" Ada.Lovelace@Example.COM ", "ada.lovelace@example.com"),
        ("zoe@bücher.example", "zoe@xn--bcher-kva.example"),
        ("zoe@bu\u0308cher.example", "zoe@xn--bcher-kva.example"),
        ("ZOE@XN--BCHER-KVA.example", "zoe@xn--bcher-kva.example"),
        ("ada@faß.de", "ada@xn--fa-hia.de"),
        ("\u212aate@example.com", "kate@example.com"),  # the Kelvin sign
        ("\uff41\uff44\uff41@example.com", "ada@example.com"),
        ("ada+tag@example。com", "ada+tag@example.com"),
    ],
)
def test_an_address_has_one_form(typed: str, email: str) -> None:
    assert canonical(typed) == email
    assert canonical(email) == email


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("ada", "does not look like"),
        ("ada@", "no such mail domain"),
        ("@example.com", "does not look like"),
        ("a b@example.com", "does not look like"),
        ('"ada"@example.com', "does not look like"),
        ("ada@localhost", "does not look like"),
        ("ada@[127.0.0.1]", "does not look like"),
        ("jörg@example.com", "plain a to z"),
        ("groß@example.com", "plain a to z"),
        ("ada@" + "ü" * 59 + ".de", "no such mail domain"),
        ("ada@-.example", "no such mail domain"),
        ("a\u200bda@example.com", "invisible"),
        ("ada\u202e@example.com", "invisible"),
        ("ada\x0b@example.com", "invisible"),
        ("ada\x00@example.com", "invisible"),
        ("a" * 60 + "@" + ".".join(["b" * 63] * 3) + ".example", "at most 254"),
    ],
)
def test_what_is_no_address_is_told_in_words(typed: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        canonical(typed)


def test_people_read_their_domain_as_they_write_it() -> None:
    assert readable("zoe@xn--bcher-kva.example") == "zoe@bücher.example"
    assert readable("zoe@xn--.example") == "zoe@xn--.example"


@pytest.mark.parametrize(
    ("email", "mailbox"),
    [
        ("ada+news@example.com", "ada@example.com"),
        ("a.d.a+news@gmail.com", "ada@gmail.com"),
        ("a.d.a@example.com", "a.d.a@example.com"),
    ],
)
def test_a_mailbox_is_counted_once(email: str, mailbox: str) -> None:
    assert mailbox_of(email) == mailbox
