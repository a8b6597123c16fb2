"""The official Python package, unmodified, against the stand-in."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from instantdb import AsyncInstant, Instant, InstantAPIError, id, lookup

from tests.sandbox.instant.process import Process

WAIT_S = 10.0


@pytest.fixture
def db(served: Process) -> Iterator[Instant]:
    with Instant(app_id=served.app_id, admin_token=served.admin_token, api_uri=served.uri) as client:
        yield client


def test_it_writes_links_merges_and_reads_back(db: Instant) -> None:
    goal, todo = id(), id()
    db.transact(
        [
            db.tx.goals[goal].create({"title": "Ship", "meta": {"a": 1}}),
            db.tx.todos[todo].update({"text": "write"}).link({"goals": goal}),
            db.tx.goals[goal].merge({"meta": {"b": 2}}),
        ]
    )
    found = db.query({"goals": {"todos": {}, "$": {"where": {"id": goal}}}})["goals"][0]
    assert found["meta"] == {"a": 1, "b": 2}
    assert [each["text"] for each in found["todos"]] == ["write"]
    db.transact(db.tx.todos[todo].unlink({"goals": goal}))
    assert db.query({"goals": {"todos": {}, "$": {"where": {"id": goal}}}})["goals"][0]["todos"] == []
    db.transact(db.tx.goals[goal].delete())
    assert db.query({"goals": {"$": {"where": {"id": goal}}}}) == {"goals": []}


def test_its_lookups_name_entities(db: Instant) -> None:
    db.transact(db.tx.pages[lookup("slug", "home")].update({"title": "Home"}))
    db.transact(db.tx.pages[lookup("slug", "home")].update({"title": "Start"}))
    assert [page["title"] for page in db.query({"pages": {}})["pages"]] == ["Start"]


def test_it_makes_its_own_error_of_a_refusal(db: Instant) -> None:
    page = id()
    db.transact(db.tx.drafts[page].create({}))
    with pytest.raises(InstantAPIError) as caught:
        db.transact(db.tx.drafts[page].create({}))
    assert caught.value.status == 400
    assert caught.value.body["type"] == "validation-failed"
    assert caught.value.hint["data-type"] == "tx-step"
    assert caught.value.trace_id


def test_its_auth_signs_in_verifies_and_signs_out(db: Instant) -> None:
    email = "ada@example.com"
    user, created = db.auth.check_magic_code(email=email, code=db.auth.generate_magic_code(email))
    assert created
    assert db.auth.send_magic_code(email).isdigit()
    token = db.auth.create_token(id=user["id"])
    assert db.auth.verify_token(token)["id"] == user["id"]
    found = db.auth.get_user(email=email)
    assert found is not None
    assert found["id"] == user["id"]
    assert [each["id"] for each in db.as_user(token=token).query({"$users": {}})["$users"]] == [user["id"]]
    db.auth.sign_out(refresh_token=token)
    with pytest.raises(InstantAPIError, match="app-user"):
        db.auth.verify_token(token)
    deleted = db.auth.delete_user(id=user["id"])
    assert deleted is not None
    assert db.auth.get_user(email=email) is None


def test_it_acts_as_users_and_reports_what_rules_say(db: Instant) -> None:
    db.auth.create_token(email="ben@example.com")
    secret = id()
    db.transact(db.tx.secrets[secret].create({"n": 1}))
    rules = {"secrets": {"allow": {"view": "auth.email == 'ben@example.com'", "update": "false"}}}
    ben, guest = db.as_user(email="ben@example.com"), db.as_user(guest=True)
    assert ben.debug_query({"secrets": {}}, rules=rules)["result"] == {"secrets": [{"id": secret, "n": 1}]}
    assert guest.debug_query({"secrets": {}}, rules=rules)["result"] == {"secrets": []}
    report = ben.debug_transact(db.tx.secrets[secret].update({"n": 2}), rules=rules)
    assert (report["all-checks-ok?"], report["committed?"]) == (False, False)
    assert db.query({"secrets": {}})["secrets"][0]["n"] == 1


def test_its_rooms_are_empty(db: Instant) -> None:
    assert db.rooms.get_presence("chat", "one") == {}


def test_it_subscribes_and_is_told_of_changes(served: Process) -> None:
    async def story() -> list[Any]:
        async with AsyncInstant(
            app_id=served.app_id, admin_token=served.admin_token, api_uri=served.uri
        ) as client:
            seen: list[Any] = []
            async with client.subscribe_query({"ticks": {}}) as payloads:
                stream: AsyncIterator[Any] = aiter(payloads)
                while len(seen) < 3:
                    payload = await asyncio.wait_for(anext(stream), WAIT_S)
                    ticks = [tick["n"] for tick in payload["data"]["ticks"]]
                    if ticks in seen:
                        continue  # the same tree may come again
                    await client.transact(client.tx.other[id()].create({}))
                    await client.transact(client.tx.ticks[id()].create({"n": len(seen)}))
                    seen.append(ticks)
            return seen

    assert asyncio.run(story()) == [[], [0], [0, 1]]
