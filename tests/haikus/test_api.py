"""What the site tells programs about itself is what it does."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from django.conf import settings as site_settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from jsonschema_rs import meta

from accounts.keys.making import Scope
from accounts.keys.programs import needed_for
from accounts.members import Member
from tests.drivers.language_model import Answer, Model
from tests.drivers.openapi import DESCRIPTION, operations, validator_at
from tests.drivers.problems import problem_in
from tests.drivers.program import ProgramClient, program_of
from tests.drivers.site import LoopbackSite

pytestmark = pytest.mark.django_db(transaction=True)
JSON: Final = "application/json"
ROOT: Final = Path(site_settings.BASE_DIR)


def _opened(patterns: list[URLPattern | URLResolver], before: str = "/") -> set[tuple[str, Scope]]:
    """Every address that is open to keys, and the scope that it needs."""
    found: set[tuple[str, Scope]] = set()
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found |= _opened(pattern.url_patterns, path)
        elif (scope := needed_for(pattern.callback)) is not None:
            found.add((re.sub(r"<\w+:(\w+)>", r"{\1}", path), scope))
    return found


def test_it_has_every_route_that_is_open_to_keys_and_what_they_need() -> None:
    opened = _opened(get_resolver().url_patterns)
    told = {
        (path, Scope.SPEND if "Needs scope `spend`" in operation.get("description", "") else Scope.READ)
        for _, path, operation in operations()
    }
    assert told == opened


def test_it_is_whole() -> None:
    assert DESCRIPTION["openapi"].startswith("3.1.")
    names = {
        f"#/components/{kind}/{name}" for kind, found in DESCRIPTION["components"].items() for name in found
    }
    used = set(re.findall(r"'\$ref': '([^']*)'", str(DESCRIPTION)))
    assert used == {name for name in names if "/securitySchemes/" not in name}
    for schema in DESCRIPTION["components"]["schemas"].values():
        meta.validate(schema)
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids))


def test_its_limits_are_those_of_the_form() -> None:
    order = validator_at("components", "schemas", "Order")
    assert order.is_valid({"topic": "x" * 80, "request_id": str(uuid4())})
    assert not order.is_valid({"topic": "x" * 81})


def test_anybody_reads_it_and_may_keep_it_for_an_hour() -> None:
    first = Client().get("/api/openapi.json")
    assert (first.status_code, first.json()) == (200, DESCRIPTION)
    assert set(first["Cache-Control"].split(", ")) == {"public", "max-age=3600"}
    assert Client().get("/api/openapi.json", headers={"If-None-Match": first["ETag"]}).status_code == 304
    assert program_of(uuid4()).get("/api/openapi.json").status_code == 200


def test_the_page_for_people_names_the_site_and_every_kind_of_problem() -> None:
    page = Client().get("/api/").content.decode()
    assert "curl http://testserver/api/generate" in page
    code = (path for room in ("accounts", "billing", "haikus") for path in (ROOT / room).rglob("*.py"))
    kinds = {kind for path in code for kind in re.findall(r'kind="([a-z-]+)"', path.read_text())}
    assert kinds
    assert kinds <= set(re.findall(r'<h3 id="([a-z-]+)"', page))


class Everything:
    """Programs that have every answer given that is described."""

    def __init__(self, site: LoopbackSite, member: Member) -> None:
        self.spends, self.reads = program_of(member.id), program_of(member.id, Scope.READ)
        self.poor, self.wrong = program_of(site.member().id), ProgramClient("ic_wrong")

    @property
    def seen(self) -> set[str]:
        """The answers that were given."""
        return set().union(*(each.seen for each in vars(self).values()))

    @staticmethod
    def asks_for_all(program: Client) -> None:
        """Every route once, with a haiku that is not there."""
        for method, route, _ in operations():
            path = route.replace("{haiku_id}", str(uuid4()))
            body = {} if method == "get" else {"data": {"topic": "rain"}, "content_type": JSON}
            getattr(program, method)(path, headers={"Idempotency-Key": str(uuid4())}, **body)

    @staticmethod
    def writes(program: Client, body: object, **headers: str) -> Any:
        """Ask for a haiku."""
        headers |= {"Idempotency-Key": str(uuid4())}
        return program.post("/api/generate", body, content_type=JSON, headers=headers)


def test_every_answer_that_it_names_is_given_and_is_so(
    site: LoopbackSite, ada: Member, model: Model, settings: Any
) -> None:
    programs = Everything(site, ada)
    for each in (programs.spends, programs.reads, programs.wrong):
        programs.asks_for_all(each)
    for body in ({"topic": "rain"}, {"topic": ""}, b"{"):
        programs.writes(programs.spends, body)
    programs.writes(programs.poor, {"topic": "rain"})
    for query in ("/haikus/?before=x", "/history/?before=x", "/history/?kind=bought&days=30"):
        programs.spends.get(query)
    settings.HAIKU_GENERATOR = "haikus.generators.language_model"
    model.answers = [Answer()]
    haiku = programs.writes(programs.spends, {"topic": "rain"})["Location"]
    for answer in (programs.spends.get(haiku), programs.spends.post(f"{haiku}cancel/")):
        assert answer.status_code == 200
    model.answers[0].rest.set()
    # A member's pieces are written one after another: once the next is there, nobody is at the cancelled one.
    assert programs.writes(programs.spends, {"topic": "rain"}, Prefer="wait=20").status_code == 201
    site.instant_is_away = True
    programs.asks_for_all(programs.spends)
    settings.REQUESTS_PER_KEY_PER_MINUTE = 1
    programs.asks_for_all(programs.spends)
    named = {
        f"{method} {path} {status}"
        for method, path, about in operations()
        for status in about["responses"]
        if status != "default"
    }
    assert len(named) > 30
    assert programs.seen == named


def test_a_day_is_not_waited_for_by_what_needs_more_than_a_key_has_in_one(
    site: LoopbackSite, ada: Member, settings: Any, model: Model
) -> None:
    settings.HAIKU_GENERATOR = "haikus.generators.language_model"
    settings.LANGUAGE_MODEL_PRICE, settings.LANGUAGE_MODEL_MAX_TOKENS = Decimal("3.0"), 300
    refused = Everything.writes(program_of(ada.id, daily_limit=1), {"topic": "rain"})
    assert (problem_in(refused)[0], "Retry-After" in refused) == (429, False)
    assert (site.credits(ada), model.asked) == (10, [])
