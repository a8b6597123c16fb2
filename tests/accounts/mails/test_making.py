"""A mail's three parts from one template."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from prometheus_client import generate_latest

from accounts.mails.making import Mail, link_to, mail_of, send_now
from credits_site.metrics import COUNTED
from instant_admin.client.breaker import FAILURES_LIMIT
from tests.drivers.prometheus import Numbers
from tests.drivers.smtp import mail_server

CODE = {"code": "123456", "link": "https://credits.example/code/?code=123456&x=<b>", "purpose": "SIGN_IN"}
TEMPLATES = sorted(
    str(path.relative_to(configured.BASE_DIR / "templates"))
    for path in Path(configured.BASE_DIR, "templates").rglob("*_mail.txt")
)


def test_text_is_text_and_html_is_escaped() -> None:
    mail = mail_of("accounts/code_mail.txt", CODE, language="en")
    assert mail.subject == "123456 is your sign-in code"
    assert f"\n\n    {CODE['link']}\n\n" in mail.text
    assert 'href="https://credits.example/code/?code=123456&amp;x=&lt;b&gt;"' in mail.html
    assert "<b>" not in mail.html
    assert ">123456</strong>" in mail.html


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_mail_brings_anything_from_elsewhere_or_needs_a_style_sheet(template: str) -> None:
    mail = mail_of(template, {"link": "https://credits.example/", "amount": "7 credits"}, language="en")
    assert (mail.subject != "", "\n" in mail.subject, "<" in mail.text) == (True, False, False)
    assert "\n\n\n" not in mail.text
    assert not re.search(r"<(img|link|script|style)|url\(|src=", mail.html)
    assert len(re.findall(r"<p>(?!\s*</p>)", mail.html)) == mail.html.count("<p>") > 0


def test_links_are_made_from_the_setting_alone(settings: Any) -> None:
    assert link_to("home") == ""
    settings.SITE_URL = "https://credits.example"
    assert link_to("home") == "https://credits.example/"


def test_without_a_link_there_is_no_button() -> None:
    mail = mail_of("accounts/code_mail.txt", {**CODE, "link": ""}, language="en")
    assert ("Open the page" in mail.text, "href" in mail.html) == (False, False)


@pytest.mark.slow
@pytest.mark.parametrize(("is_silent", "is_spared"), [(True, True), (False, False)])
def test_a_mail_server_that_gives_no_answer_is_spared_and_one_that_refuses_is_asked(
    settings: Any, is_silent: bool, is_spared: bool
) -> None:
    with mail_server() as server:
        for name, value in server.settings.items():
            setattr(settings, name, value)
        server.refuses = {"RCPT": "451 not now"}
        server.is_silent = is_silent
        for _ in range(FAILURES_LIMIT):
            with pytest.raises(OSError, match=r"time|451"):
                send_now(Mail("A", "B", "C"), to="ada@example.com")
        server.is_silent = False
        numbers = Numbers(generate_latest(COUNTED).decode())
        assert numbers.of("credits_breaker_open", service="mail") == is_spared
        with pytest.raises(OSError, match="only now and then" if is_spared else "451"):
            send_now(Mail("A", "B", "C"), to="ada@example.com")
