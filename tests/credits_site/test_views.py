"""What every view has in common, walked over the table of routes."""

from collections.abc import Callable
from itertools import product
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from uuid import uuid4

import pytest
from django.test import Client

from accounts.limits import count
from accounts.members import Member
from haikus.forms import WriteHaikuForm
from haikus.store import write_haiku
from tests.drivers.deep import deep_but_for
from tests.drivers.problems import problem_in
from tests.drivers.routes import routes
from tests.drivers.signed_in import ADA, FRAGMENT, JSON, browser_of
from tests.drivers.site import TEN, LoopbackSite, opened

pytestmark = pytest.mark.django_db

A_HAIKU = "/haikus/aaaaaaaa-1111-4111-8111-111111111111/delete/"
POSTS_OF_MEMBERS = ["/api/stripe/checkout", "/api/stripe/sync", "/api/generate", A_HAIKU]
GETS_OF_MEMBERS = [
    "/api/credits",
    "/haikus/",
    "/history/",
    "/history/export.csv",
    "/history/receipts/cs_test_1/",
    "/account/",
    "/account/export.json",
    "/account/sessions/",
]
ACCOUNT_PAGES = ["/account/email/", "/account/email/code/", "/account/delete/", "/account/delete/code/"]
FORMS = [
    *POSTS_OF_MEMBERS,
    *ACCOUNT_PAGES,
    "/sign-in/",
    "/sign-in/code/",
    "/sign-in/code/resend/",
    "/sign-out/",
]


@pytest.mark.parametrize(
    "path", [*POSTS_OF_MEMBERS, "/api/stripe/webhook", "/sign-in/code/resend/", "/sign-out/"]
)
def test_what_writes_cannot_be_got(path: str) -> None:
    assert browser_of(ADA).get(path).status_code == 405


@pytest.mark.parametrize("path", [*GETS_OF_MEMBERS, "/api/credits/stream", "/"])
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
        assert problem_in(response) == (401, "Sign in first")
    assert "no-store" in response["Cache-Control"]


def test_signed_out_htmx_is_brought_back_to_the_page_that_it_was_on() -> None:
    headers = FRAGMENT | {"HX-Current-URL": "http://testserver/history/?before=7"}
    response = Client().get("/history/", headers=headers)
    assert response["HX-Redirect"] == "/sign-in/?next=%2Fhistory%2F%3Fbefore%3D7"


@pytest.mark.parametrize("path", [*GETS_OF_MEMBERS, "/", "/nothing/"])
def test_the_page_of_another_member_of_this_browser_loads_anew(path: str) -> None:
    left_open = FRAGMENT | {"X-Member": "bbbbbbbb-1111-4111-8111-111111111111"}
    response = browser_of(ADA).get(path, headers=left_open)
    assert (response.status_code, response["HX-Refresh"], response.content) == (200, "true", b"")
    for client, headers in (
        (browser_of(ADA), FRAGMENT | {"X-Member": str(ADA.id)}),
        (browser_of(ADA), {"X-Member": left_open["X-Member"]}),  # no htmx, which alone knows what it means
        (Client(), left_open),
    ):
        assert "HX-Refresh" not in client.get(path, headers=headers)


@pytest.mark.parametrize("path", FORMS)
def test_a_form_without_a_token_is_refused(path: str) -> None:
    client = browser_of(ADA, enforce_csrf_checks=True)
    page = client.post(path, headers={"Referer": "https://elsewhere.example/"})
    assert page.status_code == 403
    assert "This form is out of date" in page.content.decode()
    answer = client.post(path, headers=JSON)
    assert answer.status_code == 403
    assert "This form is out of date" in answer.json()["error"]
    # From a page of ours, such as one that is older than the last sign-in: that page again, with a fresh form.
    stale = client.post(path, headers={"Referer": "http://testserver/history/"})
    assert (stale.status_code, stale["Location"]) == (303, "/history/")


@pytest.mark.parametrize("told_by", ["Referer", "Origin"])
def test_what_was_typed_on_a_stale_page_is_on_the_fresh_one(told_by: str) -> None:
    client = browser_of(ADA, enforce_csrf_checks=True)
    stale = {"topic": "slow <rain>", "request_id": "aaaaaaaa-1111-4111-8111-111111111111"}
    here = {told_by: "http://testserver" + ("/haikus/" if told_by == "Referer" else "")}
    refused = client.post("/api/generate", stale, headers=FRAGMENT | here)
    page = "/haikus/" if told_by == "Referer" else "/"
    assert (refused.status_code, f'href="{page}"' in refused.content.decode()) == (403, True)
    assert WriteHaikuForm.recall(client.session)["topic"].value() == "slow <rain>"


def test_nobody_elsewhere_types_into_our_forms() -> None:
    client = browser_of(ADA, enforce_csrf_checks=True)
    for elsewhere in ({"Referer": "https://elsewhere.example/"}, {"Origin": "null"}, {}):
        client.post("/api/generate", {"topic": "spam"}, headers=elsewhere)
    assert WriteHaikuForm.recall(client.session)["topic"].value() is None


def addresses(**arguments: str) -> list[str]:
    """Every address of the site for people, with these arguments; those that sign out come last."""
    found = [path for path in routes() if not path.startswith("/admin/")]
    for name, value in arguments.items():
        found = [path.replace(f"<{name}>", value) for path in found]
    assert [path for path in found if "<" in path] == []
    return sorted(found, key=lambda path: ("sign-out" in path or "sessions/end" in path, path))


@pytest.mark.slow
def test_what_answers_get_answers_head() -> None:
    with opened() as site:
        member = site.member()
        checkout_id = site.buy(member)
        site.deliver_all()
        haiku_id = write_haiku(member=member, topic="rain", request_id=uuid4()).haiku.id
        paths = addresses(haiku_id=str(haiku_id), checkout_id=checkout_id, token="x", key_id=str(uuid4()))
        paths.remove("/api/credits/stream")  # no page, and without an end
        shown = set()
        for client, path in product([Client(), browser_of(member)], paths):
            got, asked = client.get(path), client.head(path)
            assert (asked.status_code, b"".join(asked)) == (got.status_code, b""), path
            shown |= {path} if got.status_code == 200 else set()
    assert {f"/haikus/{haiku_id}/", f"/history/purchases/{checkout_id}/withdraw/", "/account/email/"} <= shown


def _away(site: LoopbackSite, settings: Any, member: Member) -> None:
    site.instant_is_away = site.stripe_is_away = True


def _broken(site: LoopbackSite, settings: Any, member: Member) -> None:
    settings.WRITES_PER_MEMBER_PER_MINUTE = settings.STRIPE_CALLS_PER_MEMBER_PER_HOUR = "no number"


def _limited(site: LoopbackSite, settings: Any, member: Member) -> None:
    settings.WRITES_PER_MEMBER_PER_MINUTE = 1
    count("WRITES_PER_MEMBER_PER_MINUTE", of=member.id)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "expected"),
    deep_but_for(
        1,
        [
            (None, {200, 204, 303, 402, 404, 405, 410, 422}),
            (None, {403}),
            (None, {400}),
            (_away, {503}),
            (_broken, {500}),
            (_limited, {429}),
        ],
    ),
)
def test_whatever_answers_htmx_is_a_fragment_or_is_not_swapped(
    settings: Any, spoil: Callable[[LoopbackSite, Any, Member], None] | None, expected: set[int]
) -> None:
    """The page swaps what varies with HX-Request, and nothing else (`site.js`)."""
    statuses = set()
    forms: list[dict[str, str]] = [
        {},
        {"topic": "snow", "request_id": str(uuid4()), "session_id": "cs_test_1", "pack": TEN.price_id},
        {"session_id": "c" * 201, "before": "nine", "email": "ada", "code": "1", "token": "x", "kind": "x"},
    ]
    headers = FRAGMENT | ({"Host": "elsewhere.example"} if expected == {400} else {})
    with opened() as site:
        member = site.member()
        if spoil is not None:
            spoil(site, settings, member)
        clients = [Client(), browser_of(member, enforce_csrf_checks=expected == {403})]
        ids = {"haiku_id": str(uuid4()), "checkout_id": "x", "token": "x", "key_id": str(uuid4())}
        paths = [*addresses(**ids), "/nothing/", "/history/?before=nine"]
        for client, method, path, form in product(clients, ["GET", "POST"], paths, forms):
            client.raise_request_exception = False
            sent = urlencode(form)
            response = client.generic(
                method, path, sent, "application/x-www-form-urlencoded", headers=headers
            )
            statuses.add(response.status_code)
            if "HX-Request" in response.get("Vary", ""):
                assert "<main" not in response.content.decode(), path
    assert expected - statuses == set()


@pytest.mark.parametrize("signs_out", [True, False])
def test_what_is_said_to_a_member_is_not_said_to_whoever_comes_next(signs_out: bool) -> None:
    client = browser_of(ADA)
    client.post(A_HAIKU)  # which fails: Instant is down
    if signs_out:
        client.post("/sign-out/")
    said = "never charged twice" in client.get("/nothing/").content.decode().rpartition("</head>")[2]
    assert said is not signs_out


@pytest.mark.parametrize("who", ["signed in", "signed out"])
@pytest.mark.parametrize("path", FORMS)
def test_a_plain_form_is_answered_by_a_redirect_whatever_becomes_of_it(path: str, who: str) -> None:
    """Instant and Stripe are down here: faults, refusals and outages end on a page that is got."""
    client = browser_of(ADA) if who == "signed in" else Client()
    good = {"topic": "snow", "request_id": "aaaaaaaa-1111-4111-8111-111111111111", "pack": "price_ten"}
    for form in ({}, good | {"email": "ada@example.com", "session_id": "cs_test_1", "code": "123456"}):
        response = client.post(path, form)
        assert response.status_code in (302, 303)
        assert urlsplit(response["Location"]).path in ("/", "/sign-in/", "/sign-in/code/", *ACCOUNT_PAGES)


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
    assert problem_in(response)[0] == 400


def test_an_unknown_path_is_404_in_the_looks_of_the_site_and_as_json() -> None:
    page = Client().get("/nothing/here/")
    assert page.status_code == 404
    assert "There is nothing here" in page.content.decode()
    assert "site.css" in page.content.decode()
    answer = Client().get("/nothing/here/", headers=JSON)
    assert problem_in(answer) == (404, "There is nothing here")


def test_a_host_that_is_not_ours_is_400_in_the_looks_of_the_site() -> None:
    response = Client().get("/", headers={"Host": "elsewhere.example"})
    assert response.status_code == 400
    assert "makes no sense" in response.content.decode()
