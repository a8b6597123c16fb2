"""What writing refuses before it asks Instant; the rest is in the journeys."""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from haikus.forms import WriteHaikuForm
from tests.drivers.problems import problem_in
from tests.drivers.signed_in import ADA, FRAGMENT, JSON, browser_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    return browser_of(ADA)


@pytest.mark.parametrize(
    "topic",
    [
        *("", "   ", "x" * 81, "x" * 5000, "nul\x00"),
        # Nothing to see: zero width, direction marks, a byte order mark, fillers, marks on no letter.
        *(
            "\u200b",
            "\u200d\u200c",
            "\u200e \u202e",
            "\ufeff",
            "\u2066\u2069",
            "\u3164",
            "\u2800",
            "\ufe0f",
            "\u0301",
        ),
    ],
)
def test_a_topic_that_is_none_is_422_whatever_writes(ada: Client, settings: Any, topic: str) -> None:
    settings.HAIKU_GENERATOR = "haikus.generators.language_model"
    response = ada.post("/api/generate", {"topic": topic, "request_id": str(uuid4())}, headers=JSON)
    assert problem_in(response)[0] == 422


@pytest.mark.parametrize("sent", [{}, {"request_id": ""}, {"request_id": "7"}])
def test_a_request_without_an_id_is_422(ada: Client, sent: dict[str, str]) -> None:
    response = ada.post("/api/generate", {"topic": "snow"} | sent, headers=JSON)
    assert response.status_code == 422
    assert "request_id" in response.json()["error"]


def test_htmx_gets_the_form_back_with_what_is_wrong(ada: Client) -> None:
    request_id = str(uuid4())
    response = ada.post("/api/generate", {"topic": "", "request_id": request_id}, headers=FRAGMENT)
    fragment = response.content.decode()
    assert response.status_code == 422
    assert fragment.lstrip().startswith("<form")
    assert "Give the haiku a topic" in fragment
    assert f'value="{request_id}"' in fragment
    assert "HX-Request" in response["Vary"]


def test_what_a_fragment_said_is_not_said_again_by_the_page(ada: Client) -> None:
    ada.post("/api/generate", {"topic": "x" * 81, "request_id": str(uuid4())}, headers=FRAGMENT)
    draft = WriteHaikuForm.recall(ada.session)
    assert (draft["topic"].value(), draft.errors) == ("x" * 81, {})


def test_a_session_does_not_grow_with_what_is_sent_to_it() -> None:
    client = Client()
    client.post("/api/generate", {"topic": "x" * 2_000_000})
    assert client.session["draft"]["typed"]["topic"] == "x" * 1000


def test_a_topic_comes_back_escaped(ada: Client) -> None:
    response = ada.post("/api/generate", {"topic": '"><script>'}, headers=FRAGMENT)
    fragment = response.content.decode()
    assert response.status_code == 422
    assert "<script>" not in fragment
    assert 'value="&quot;&gt;&lt;script&gt;"' in fragment


def test_a_form_whose_id_was_bad_comes_back_with_a_good_one(ada: Client) -> None:
    response = ada.post("/api/generate", {"topic": "snow", "request_id": "7"}, headers=FRAGMENT)
    fragment = response.content.decode()
    found = re.search(r'name="request_id" value="([^"]*)"', fragment)
    assert found
    assert WriteHaikuForm({"topic": "snow", "request_id": found[1]}).is_valid()
    assert 'value="snow"' in fragment


def test_every_form_to_write_has_an_id_of_its_own() -> None:
    assert WriteHaikuForm.fresh() != WriteHaikuForm.fresh()


def test_what_is_no_id_of_a_haiku_is_404(ada: Client) -> None:
    assert ada.post("/haikus/7/delete/").status_code == 404


def test_a_plain_form_with_a_fault_goes_back_to_its_page_where_both_stand(ada: Client) -> None:
    page = {"Referer": "http://testserver/haikus/?a=b"}
    response = ada.post("/api/generate", {"topic": "x" * 81}, headers=page)
    assert (response.status_code, response["Location"]) == (303, "/haikus/?a=b")
    draft = ada.session["draft"]
    assert draft["typed"]["topic"] == "x" * 81
    assert draft["wrong"]


def test_a_topic_typed_signed_out_waits_on_the_landing_page_until_it_is_written() -> None:
    client, request_id = Client(), str(uuid4())
    sent = client.post("/api/generate", {"topic": "<snow>", "request_id": request_id})
    assert (sent.status_code, sent["Location"]) == (303, "/sign-in/")
    for _ in range(2):
        page = client.get("/").content.decode()
        assert 'value="&lt;snow&gt;"' in page
        assert request_id in page
