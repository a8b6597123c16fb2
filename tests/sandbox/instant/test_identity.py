"""Headers, tokens and the shapes of refusals."""

from contextlib import closing
from typing import Any

import pytest

from tests.sandbox.instant.harness import Harness, new_id, refused

USERS: Any = {"$users": {}}
NOBODYS = new_id()
APP_IN_QUERY = [["query-params", "app_id"]]


@pytest.mark.parametrize(
    ("headers", "kind", "hint"),
    [
        ({"app-id": ""}, "param-missing", {"in": ["headers", "app-id"], "possible-ins": APP_IN_QUERY}),
        ({"app-id": "seven"}, "param-malformed", {"in": ["headers", "app-id"], "original-input": "seven"}),
        ({"authorization": ""}, "param-missing", {"in": ["headers", "authorization"]}),
        ({"authorization": "Bearer seven"}, "param-malformed", {"in": ["headers", "authorization"]}),
        ({"authorization": f"Bearer {NOBODYS}"}, "record-not-found", {"record-type": "app-admin-token"}),
        ({"app-id": NOBODYS}, "record-not-found", {"record-type": "app-admin-token"}),
        ({"as-token": "seven"}, "param-malformed", {"in": ["asUser", "token"], "original-input": "seven"}),
        ({"as-token": NOBODYS}, "record-not-found", {"record-type": "app-user"}),
        ({"as-email": "nobody@example.com"}, "record-not-found", {"record-type": "app-user"}),
        ({"as-email": "Ada@example.com"}, "record-not-found", {"record-type": "app-user"}),
        ({"as-email": "ada@example.com", "authorization": ""}, "param-missing", {}),
    ],
)
def test_every_failure_to_say_who_one_is_is_a_400(
    instant: Harness, headers: dict[str, str], kind: str, hint: dict[str, Any]
) -> None:
    instant.sign_in("ada@example.com")
    with refused(kind, hint) as caught:
        instant.query(USERS, headers=headers)
    assert set(caught.value.body) == {"type", "message", "hint", "trace-id"}


def test_a_failed_admin_token_is_echoed_as_the_real_server_does(instant: Harness) -> None:
    with refused("record-not-found", {"args": [{"app-id": instant.app.id, "token": NOBODYS}]}):
        instant.query(USERS, headers={"authorization": f"Bearer {NOBODYS}"})


def test_the_app_may_be_named_in_the_query_string(instant: Harness) -> None:
    path = f"/admin/query?app_id={instant.app.id}"
    assert instant.call("POST", path, {"query": USERS}, {"app-id": ""}) == {"$users": []}


def test_a_token_comes_before_an_email_before_a_guest_before_the_admin(instant: Harness) -> None:
    ada, as_ada = instant.sign_in("ada@example.com")
    ben, _ = instant.sign_in("ben@example.com")
    as_ben = {"as-email": "ben@example.com"}

    def seen(headers: dict[str, str]) -> set[str]:
        return {user["id"] for user in instant.query(USERS, headers=headers)["$users"]}

    assert seen({**as_ada, **as_ben, "as-guest": "1", "authorization": ""}) == {ada}
    assert seen({**as_ben, "as-guest": "1"}) == {ben}
    assert seen({"as-guest": "false", "authorization": ""}) == set()
    assert seen({}) == {ada, ben}


def test_a_body_of_another_type_is_not_read_and_one_that_is_no_json_refused_in_text(instant: Harness) -> None:
    with refused("param-missing", {"in": ["body", "query"]}):
        instant.query(USERS, headers={"content-type": "text/plain"})
    for body in (b"{", b'{"query": {"a": NaN}}'):
        response = instant.send("POST", "/admin/query", body)
        assert (response.status, response.headers["content-type"]) == (400, "text/plain")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, "param-missing"),
        ({"query": None}, "param-missing"),
        ({"query": []}, "param-malformed"),
        ({"query": "x"}, "param-malformed"),
    ],
)
def test_a_query_is_an_object(instant: Harness, body: Any, kind: str) -> None:
    with refused(kind):
        instant.call("POST", "/admin/query", body)


def test_health_greeting_and_unknown_routes(instant: Harness) -> None:
    assert instant.call("GET", "/health/system") == {"wal": "ok"}
    assert instant.send("GET", "/").status == 200
    for path in ("/nowhere", "/admin/query"):
        response = instant.send("GET", path)
        assert (response.status, response.body) == (200, b"")


def test_apps_in_one_file_know_nothing_of_each_other(instant: Harness) -> None:
    instant.create("posts", n=1)
    other = instant.standin.ensure_app("other")
    authorization = {"authorization": f"Bearer {other.admin_token}"}
    assert instant.query({"posts": {}}, headers={"app-id": other.id, **authorization}) == {"posts": []}
    with refused("validation-failed", {"reason": "admin-token-mismatch"}):
        instant.call("GET", f"/superadmin/apps/{instant.app.id}/schema", headers=authorization)


def test_a_token_that_is_nobodys_is_a_401_on_the_dashboards_routes(instant: Harness) -> None:
    path = f"/dash/apps/{instant.app.id}/schema/pull"
    with refused("record-not-found", status=401):
        instant.call("GET", path, headers={"authorization": f"Bearer {NOBODYS}"})


def test_ensuring_an_app_twice_keeps_it_and_a_given_token_replaces_the_stored_one(instant: Harness) -> None:
    token = instant.app.admin_token
    assert instant.standin.ensure_app("again", instant.app.id).admin_token == token
    assert instant.standin.ensure_app("again", instant.app.id, NOBODYS).admin_token == NOBODYS
    assert instant.query(USERS, headers={"authorization": f"Bearer {NOBODYS}"}) == {"$users": []}
    with refused("record-not-found", {"record-type": "app-admin-token"}):
        instant.query(USERS)


def test_nobody_is_in_any_room(instant: Harness) -> None:
    path = "/admin/rooms/presence?room-id=1"
    assert instant.call("GET", f"{path}&room-type=chat") == {"sessions": None}
    with refused("param-missing"):
        instant.call("GET", path)


def test_the_same_seed_and_clock_give_the_same_answers() -> None:
    def history() -> list[Any]:
        with closing(Harness(seed=3)) as instant:
            code = instant.call("POST", "/admin/magic_code", {"email": "a@b.example"})
            user = instant.sign_in("a@b.example")
            return [instant.app.id, code, user, instant.send("POST", "/admin/query", {}).body]

    assert history() == history()
