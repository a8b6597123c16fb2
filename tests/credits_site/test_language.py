"""Pages, answers, mails, numbers and dates are in the language of whoever reads them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core import mail
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import Client
from django.utils.translation import override

from billing.money import money_text
from billing.products import credits_text, number_text
from tests.credits_site.test_gate import Site
from tests.drivers.problems import problem_in
from tests.drivers.signed_in import ADA, FRAGMENT, JSON, browser_of
from tests.drivers.site import LoopbackSite
from tests.drivers.wire import RawRequest, ask

pytestmark = pytest.mark.django_db
GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}


@pytest.fixture(autouse=True)
def english_afterwards() -> Iterator[None]:
    """A request leaves its language behind in the thread of the test."""
    with override(settings.LANGUAGE_CODE):
        yield


@pytest.mark.parametrize(
    ("accepts", "language"),
    [
        ("de", "de"),
        ("de-CH,en;q=0.8", "de"),
        ("fr,de;q=0.5", "de"),
        ("en-GB", "en"),
        ("fr", "en"),
        ("", "en"),
    ],
)
def test_a_page_is_in_the_language_that_the_browser_asks_for(accepts: str, language: str) -> None:
    page = Client().get("/sign-in/", headers={"Accept-Language": accepts})
    said = {
        "de": ("Code schicken", "Bezahlt wird bei Stripe."),
        "en": ("Send me a code", "Payment by Stripe."),
    }
    assert f'<html lang="{language}">' in page.content.decode()
    assert all(words in page.content.decode() for words in said[language])
    assert page["Content-Language"] == language
    assert "Accept-Language" in page["Vary"]


def test_the_switch_is_a_plain_form_and_leads_back_to_its_page() -> None:
    client = Client(enforce_csrf_checks=True)
    page = client.get("/sign-in/?next=/history/").content.decode()
    form = page.partition('action="/language/"')[2].partition("</form>")[0]
    sent = dict(re.findall(r'<(?:input type="hidden"|button\b[^>]*?) name="(\w+)" value="([^"]*)"', form))
    assert sent.pop("csrfmiddlewaretoken")
    assert sent == {"next": "/sign-in/?next=/history/", "language": "de"}
    answer = client.post("/language/", sent | {"csrfmiddlewaretoken": client.cookies["csrftoken"].value})
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/?next=/history/")
    cookie = client.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert (cookie.value, cookie["samesite"], cookie["httponly"]) == ("de", "Lax", True)
    german = client.get("/sign-in/", headers={"Accept-Language": "en"}).content.decode()
    assert "Code schicken" in german
    assert 'value="en" lang="en">English</button>' in german


@pytest.mark.parametrize(
    "elsewhere", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)"]
)
def test_the_switch_leads_to_no_other_site(elsewhere: str) -> None:
    assert Client().post("/language/", {"language": "de", "next": elsewhere})["Location"] == "/"


def test_a_language_that_is_none_changes_nothing() -> None:
    client = Client()
    client.post("/language/", {"language": "../de", "next": "/"})
    assert settings.LANGUAGE_COOKIE_NAME not in client.cookies


def test_programs_are_refused_in_their_language() -> None:
    for path, said in (("/history/", "Melde dich zuerst an"), ("/nothing/", "Hier ist nichts")):
        answer = Client().get(path, headers=JSON | GERMAN)
        assert problem_in(answer)[1] == said
    answer = Client().post("/sign-in/", {"email": "ada"}, headers=JSON | GERMAN)
    assert problem_in(answer) == (422, "Das sieht nicht wie eine E-Mail-Adresse aus.")


def test_what_stands_before_django_refuses_in_the_language_of_the_browser() -> None:
    too_long = [(b"x", b";" * 100_000), (b"accept-language", b"de")]
    refused = ask(RawRequest("GET", "/", too_long), of=Site().gate)
    assert refused.status == 431
    assert "Lösch die Cookies dieser Website" in refused.body.decode()


def test_what_was_wrong_is_said_in_the_language_of_who_sent_it() -> None:
    client = Client(headers=GERMAN)
    client.post("/sign-in/", {"email": ""}, headers={"Referer": "http://testserver/sign-in/"})
    assert "Gib deine E-Mail-Adresse ein." in client.get("/sign-in/").content.decode()


def test_the_code_comes_in_the_language_of_who_asks_for_it() -> None:
    Client(headers=GERMAN).post("/sign-in/", {"email": ADA.email})
    german = mail.outbox[-1]
    assert re.fullmatch(r"\d{6} ist dein Code zum Anmelden", str(german.subject))
    assert "Der Code gilt einmal" in str(german.body)
    Client().post("/sign-in/", {"email": ADA.email})
    assert "is your sign-in code" in str(mail.outbox[-1].subject)


def test_an_outage_is_told_in_the_language_of_the_page() -> None:
    answer = browser_of(ADA).get("/history/", headers=FRAGMENT | GERMAN)
    assert answer.status_code == 503
    assert "Ein Dienst, auf den wir angewiesen sind, antwortet gerade nicht." in answer.content.decode()


def test_a_history_is_in_the_language_of_who_reads_it(site: LoopbackSite) -> None:
    ada = site.member()
    site.buy(ada)
    site.deliver_all()
    client = browser_of(ada)
    for headers, words in (
        (GERMAN, ("Credits gekauft", "Bezahlt", "5,00\xa0$", "Guthaben")),
        ({}, ("Bought credits", "Paid", "$5.00", "Balance")),
    ):
        page = client.get("/history/", headers=headers).content.decode()
        assert [word for word in words if word not in page] == []


def test_a_download_is_in_the_language_of_who_asked_though_it_is_made_afterwards(site: LoopbackSite) -> None:
    ada = site.member()
    site.buy(ada)
    site.deliver_all()
    site.spend(ada, 2)
    answer: HttpResponseBase = browser_of(ada).get("/history/export.csv", headers=GERMAN)
    assert isinstance(answer, StreamingHttpResponse)
    with override("en"):
        rows = list(csv.DictReader(answer.getvalue().decode().splitlines()))
    assert [row["what"] for row in rows] == ["Ausgegeben", "Ausgegeben", "Credits gekauft"]


def test_numbers_and_money_are_written_as_the_reader_does() -> None:
    assert (number_text(-1234), credits_text(1), credits_text(1234)) == (
        "\N{MINUS SIGN}1,234",
        "1 credit",
        "1,234 credits",
    )
    assert (money_text(123_499, "eur"), money_text(499, "chf")) == ("€1,234.99", "CHF\xa04.99")
    with override("de"):
        assert (number_text(-1234), credits_text(1), credits_text(1234)) == (
            "\N{MINUS SIGN}1.234",
            "1 Credit",
            "1.234 Credits",
        )
        assert (money_text(123_499, "eur"), money_text(499, "chf")) == ("1.234,99\xa0€", "4,99\xa0CHF")
