"""Forms as a browser without JavaScript sends them: whatever becomes of one, a page is got afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urljoin
from uuid import uuid4

from tests.drivers.member import JSON, TIMEOUT_S, MemberClient


def test_every_form_good_or_bad_ends_on_a_page_that_can_be_reloaded(
    ada_with_ten_credits: MemberClient,
) -> None:
    ada = ada_with_ten_credits
    for path, form in _forms(ada):
        answer = ada.post(path, form)
        assert answer.status_code in (302, 303), (path, form)
        shown = urljoin(ada.site, answer.headers["Location"])
        page = ada.http.get(shown, allow_redirects=False, timeout=TIMEOUT_S)
        assert page.status_code == 200, (path, form)
    assert len(ada.codes()) == 3


def _forms(ada: MemberClient) -> Iterator[tuple[str, dict[str, str]]]:
    """Every route that takes a form, good and bad, in an order in which each can be sent."""
    haiku = ada.write().json()["haiku"]["id"]
    for topic in ("snow", "", "...!?"):
        yield "/api/generate", {"topic": topic, "request_id": str(uuid4())}
    yield "/api/generate", {"topic": "snow", "request_id": "no id"}
    for quantity in ("2", "many"):
        yield "/api/stripe/checkout", {"pack": "price_sandbox10", "quantity": quantity}
    for checkout in (ada.buy(), "cs_of_nobody", ""):
        yield "/api/stripe/sync", {"session_id": checkout}
    for _ in ("deleted", "not there any more"):
        yield f"/haikus/{haiku}/delete/", {}
    yield "/account/mails/", {"mail": "receipts"}
    yield "/sign-out/", {}
    assert ada.get("/api/credits", **JSON).status_code == 401
    for path in ("/api/generate", "/sign-in/code/", "/sign-in/code/resend/"):
        yield path, {"topic": "snow", "request_id": str(uuid4()), "code": "123456"}
    for email in ("nobody", ada.email):
        yield "/sign-in/", {"email": email}
    yield "/sign-in/code/resend/", {}
    for code in ("nonsense", "000000", ada.code()):
        yield "/sign-in/code/", {"code": code}
    assert ada.credits() == 18
