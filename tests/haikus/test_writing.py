"""A haiku that takes time, through the site: begun, watched, waited for, cancelled, failed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.members import Member
from billing.audit.run import Audit
from haikus.generators import language_model
from instant_admin.ledger.movements import Reset
from sandbox.serving import Request, Response
from tests.drivers.language_model import POEM, Answer, Model
from tests.drivers.signed_in import FRAGMENT, JSON, browser_of
from tests.drivers.site import LoopbackSite
from tests.drivers.waiting import await_that

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def browser(ada: Member, model: Model, settings: Any) -> Client:
    """Ada's, on a site where a model writes the haikus, three credits for a thousand tokens."""
    settings.HAIKU_GENERATOR = "haikus.generators.language_model"
    settings.LANGUAGE_MODEL_MAX_TOKENS = 300
    settings.LANGUAGE_MODEL_PRICE = Decimal("3.0")
    return browser_of(ada)


def generate(browser: Client, request_id: str | None = None, **headers: str) -> Any:
    sent = {"topic": "rain", "request_id": request_id or str(uuid4())}
    return browser.post("/api/generate", sent, headers={**JSON, **headers})


def shown(browser: Client, answer: Any) -> dict[str, Any]:
    """The haiku of an answer as it is now."""
    found: dict[str, Any] = browser.get(answer["Location"], headers=JSON).json()
    return found


def test_it_is_begun_at_once_and_grows_where_the_answer_says(
    site: LoopbackSite, ada: Member, browser: Client, model: Model
) -> None:
    model.answers = [Answer(tokens=700)]
    answer = generate(browser)
    body = answer.json()
    held = body["held"]
    assert (answer.status_code, body["haiku"]["state"], body["credits"]) == (202, "writing", 10 - held)
    await_that(lambda: shown(browser, answer)["content"] == "An old silent pond")
    assert browser.get("/api/credits", headers=JSON).json() == {"credits": 10 - held, "held": held}
    model.answers[0].rest.set()
    await_that(lambda: shown(browser, answer)["state"] == "done")
    assert shown(browser, answer)["content"] == POEM
    assert browser.get("/api/credits", headers=JSON).json() == {"credits": 7, "held": 0}
    assert list(Audit().violations()) == []


def test_whoever_prefers_to_wait_has_it_as_ever(browser: Client, model: Model) -> None:
    answer = generate(browser, Prefer="respond-async, wait=20")
    assert (answer.status_code, answer.json()["haiku"]["content"]) == (201, POEM)


def test_the_same_request_joins_what_runs_and_finds_what_is_done(browser: Client, model: Model) -> None:
    request_id, model.answers = str(uuid4()), [Answer()]
    first = generate(browser, request_id)
    joined = generate(browser, request_id)
    assert (joined.status_code, joined.json()["haiku"]["id"]) == (202, first.json()["haiku"]["id"])
    model.answers[0].rest.set()
    done = generate(browser, request_id, Prefer="wait=20")
    assert (done.status_code, done.json()["haiku"]["id"]) == (201, first.json()["haiku"]["id"])
    assert len(model.asked) == 1


def test_cancelled_it_costs_nothing_whatever_the_model_says_later(
    site: LoopbackSite, ada: Member, browser: Client, model: Model
) -> None:
    model.answers = [Answer()]
    answer = generate(browser)
    await_that(lambda: shown(browser, answer)["content"])
    cancelled = browser.post(answer["Location"] + "cancel/", headers=JSON).json()
    assert (cancelled["state"], site.credits(ada)) == ("failed", 10)
    assert "cancelled" in cancelled["error"]
    model.answers[0].rest.set()
    again = generate(browser, Prefer="wait=20")
    assert (again.status_code, site.credits(ada)) == (201, 9)
    assert shown(browser, answer)["state"] == "failed"
    assert list(Audit().violations()) == []


@pytest.mark.parametrize(
    ("broken", "status"),
    [(Answer.at_once(ends=None), 503), (Answer.at_once("No."), 503), (Answer.at_once("", refuses=True), 422)],
    ids=["cut", "nonsense", "refused"],
)
def test_what_fails_costs_nothing_and_the_same_request_tries_again(
    site: LoopbackSite, ada: Member, browser: Client, model: Model, broken: Answer, status: int
) -> None:
    request_id, model.answers = str(uuid4()), [broken]
    failed = generate(browser, request_id, Prefer="wait=20")
    assert (failed.status_code, failed.json()["haiku"]["state"], site.credits(ada)) == (status, "failed", 10)
    assert "Your credits are back" in failed.json()["error"]
    model.answers = [Answer.at_once()]
    assert generate(browser, request_id, Prefer="wait=20").status_code == 201


def test_too_few_credits_for_the_most_that_it_can_cost_is_402(
    site: LoopbackSite, ada: Member, browser: Client, model: Model
) -> None:
    site.store.post(ada.id, Reset(key="reset:2", credits=1))
    assert generate(browser).status_code == 402
    assert model.asked == []


# On the page


def test_its_card_asks_for_itself_until_it_is_there(browser: Client, model: Model) -> None:
    model.answers = [Answer()]
    sent = {"topic": "rain", "request_id": str(uuid4())}
    begun = browser.post("/api/generate", sent, headers=FRAGMENT)
    assert begun.status_code == 202
    assert "Being written" in begun.content.decode()
    (haiku,) = browser.get("/haikus/", headers=JSON).json()["haikus"]
    address = f"/haikus/{haiku['id']}/"
    card = browser.get(address, headers=FRAGMENT)
    assert f'hx-get="{address}"' in card.content.decode()
    assert "HX-Trigger" not in card
    model.answers[0].rest.set()
    await_that(lambda: browser.get(address, headers=JSON).json()["state"] == "done")
    card = browser.get(address, headers=FRAGMENT)
    assert "credits-changed" in card["HX-Trigger"]
    assert f'hx-get="{address}"' not in card.content.decode()
    assert "Splash and silence now" in card.content.decode()


def test_a_failed_card_says_why_and_can_be_deleted_for_good(browser: Client, model: Model) -> None:
    model.answers = [Answer.at_once("No.")]
    failed = generate(browser, Prefer="wait=20").json()["haiku"]
    page = browser.get("/").content.decode()
    assert "Your credits are back" in page
    deleted = browser.post(f"/haikus/{failed['id']}/delete/", headers=FRAGMENT).content.decode()
    assert "Deleted: rain." in deleted
    assert "Undo" not in deleted


def test_the_form_says_what_it_can_cost(browser: Client) -> None:
    most = language_model.most("")
    assert f"up to {most} credits" in browser.get("/").content.decode()


def test_what_was_begun_is_not_called_undone_when_nobody_can_look_at_it(
    site: LoopbackSite, browser: Client, model: Model
) -> None:
    model.answers = [Answer()]

    def tamper(request: Request, answer: Response) -> Response:
        # From when it is held, nothing is answered any more.
        site.instant_is_away |= b'"hold"' in request.body
        return answer

    site.tamper = tamper
    answer = generate(browser, Prefer="wait=1")
    site.instant_is_away = False
    assert (answer.status_code, answer.json()["haiku"]["state"]) == (202, "writing")
