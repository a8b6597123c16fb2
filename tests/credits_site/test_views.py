"""What every view has in common, walked over the table of routes."""

from urllib.parse import quote, urlsplit

import pytest
from django.test import Client

from tests.drivers.signed_in import ADA, FRAGMENT, JSON, browser_of

pytestmark = pytest.mark.django_db

A_HAIKU = "/haikus/aaaaaaaa-1111-4111-8111-111111111111/delete/"
POSTS_OF_MEMBERS = ["/api/stripe/checkout", "/api/stripe/sync", "/api/generate", A_HAIKU]
GETS_OF_MEMBERS = ["/api/credits", "/haikus/", "/history/", "/history/receipts/cs_test_1/"]
FORMS = [*POSTS_OF_MEMBERS, "/sign-in/", "/sign-in/code/", "/sign-in/code/resend/", "/sign-out/"]


@pytest.mark.parametrize(
    "path", [*POSTS_OF_MEMBERS, "/api/stripe/webhook", "/sign-in/code/resend/", "/sign-out/"]
)
def test_what_writes_cannot_be_got(path: str) -> None:
    assert browser_of(ADA).get(path).status_code == 405


@pytest.mark.parametrize("path", [*GETS_OF_MEMBERS, "/api/credits/stream", "/", "/healthz", "/readyz"])
def test_what_reads_cannot_be_posted_to(path: str) -> None:
    assert browser_of(ADA).post(path).status_code == 405


@pytest.mark.parametrize("path", POSTS_OF_MEMBERS + GETS_OF_MEMBERS)
@pytest.mark.parametrize("kind", ["page", "fragment", "json"])
def test_the_signed_out_are_sent_to_sign_in(path: str, kind: str) -> None:
    client = Client()
    call = client.post if path in POSTS_OF_MEMBERS else client.get
    response = call(path, headers={"page": {}, "fragment": FRAGMENT, "json": JSON}[kind])
    sign_in = "/sign-in/" if path in POSTS_OF_MEMBERS else f"/sign-in/?next={quote(path, safe='')}"
    if kind == "page":
        assert (response.status_code, response["Location"]) == (303, sign_in)
    elif kind == "fragment" and path == "/api/credits":
        # Nobody asked for it: the page stays as it is, with what is being typed.
        assert response.status_code == 204
    elif kind == "fragment":
        assert (response.status_code, response["HX-Redirect"]) == (200, "/sign-in/")
    else:
        assert (response.status_code, response.json()) == (401, {"error": "Sign in first"})
    assert "no-store" in response["Cache-Control"]


def test_signed_out_htmx_is_brought_back_to_the_page_that_it_was_on() -> None:
    headers = FRAGMENT | {"HX-Current-URL": "http://testserver/history/?before=7"}
    response = Client().get("/history/", headers=headers)
    assert response["HX-Redirect"] == "/sign-in/?next=%2Fhistory%2F%3Fbefore%3D7"


@pytest.mark.parametrize("path", FORMS)
def test_a_form_without_a_token_is_refused(path: str) -> None:
    client = browser_of(ADA, enforce_csrf_checks=True)
    page = client.post(path, headers={"Referer": "https://elsewhere.example/"})
    assert page.status_code == 403
    assert "This form is out of date" in page.content.decode()
    answer = client.post(path, headers=JSON)
    assert answer.status_code == 403
    assert answer.json() == {"error": "This form is out of date. Reload the page and try again"}
    # From a page of ours, such as one that is older than the last sign-in: that page again, with a fresh form.
    stale = client.post(path, headers={"Referer": "http://testserver/history/"})
    assert (stale.status_code, stale["Location"]) == (303, "/history/")


@pytest.mark.parametrize("who", ["signed in", "signed out"])
@pytest.mark.parametrize("path", FORMS)
def test_a_plain_form_is_answered_by_a_redirect_whatever_becomes_of_it(path: str, who: str) -> None:
    """Instant and Stripe are down here: faults, refusals and outages end on a page that is got."""
    client = browser_of(ADA) if who == "signed in" else Client()
    good = {"topic": "snow", "request_id": "aaaaaaaa-1111-4111-8111-111111111111", "pack": "price_ten"}
    for form in ({}, good | {"email": "ada@example.com", "session_id": "cs_test_1", "code": "123456"}):
        response = client.post(path, form)
        assert response.status_code in (302, 303)
        assert urlsplit(response["Location"]).path in ("/", "/sign-in/", "/sign-in/code/")


@pytest.mark.parametrize(
    "referer",
    ["https://elsewhere.example/x", "//elsewhere.example", "http://testserver//elsewhere.example/", "x:y"],
)
def test_a_form_never_leads_to_another_site(referer: str) -> None:
    response = browser_of(ADA).post("/api/generate", headers={"Referer": referer})
    assert (response.status_code, response["Location"]) == (303, "/")


def test_the_webhook_needs_no_token_but_a_signature() -> None:
    response = Client(enforce_csrf_checks=True).post(
        "/api/stripe/webhook", b"{}", content_type="application/json"
    )
    assert (response.status_code, set(response.json())) == (400, {"error"})


def test_an_unknown_path_is_404_in_the_looks_of_the_site_and_as_json() -> None:
    page = Client().get("/nothing/here/")
    assert page.status_code == 404
    assert "There is nothing here" in page.content.decode()
    assert "site.css" in page.content.decode()
    answer = Client().get("/nothing/here/", headers=JSON)
    assert (answer.status_code, answer.json()) == (404, {"error": "There is nothing here"})


def test_a_host_that_is_not_ours_is_400_in_the_looks_of_the_site() -> None:
    response = Client().get("/", headers={"Host": "elsewhere.example"})
    assert response.status_code == 400
    assert "makes no sense" in response.content.decode()
