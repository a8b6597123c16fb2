"""Headers, tokens and the shapes of refusals."""

from typing import Any

import pytest

from tests.sandbox.instant.harness import Harness, Refused, new_id

QUERY: Any = {"query": {"$users": {}}}


@pytest.mark.parametrize(
    ("headers", "kind", "hint"),
    [
        ({"app-id": ""}, "param-missing", {"in": ["headers", "app-id"]}),
        ({"app-id": "seven"}, "param-malformed", {"in": ["headers", "app-id"], "original-input": "seven"}),
        ({"authorization": ""}, "param-missing", {"in": ["headers", "authorization"]}),
        ({"authorization": "Bearer seven"}, "param-malformed", {"in": ["headers", "authorization"]}),
        ({"authorization": f"Bearer {new_id()}"}, "record-not-found", {"record-type": "app-admin-token"}),
        ({"app-id": new_id()}, "record-not-found", {"record-type": "app-admin-token"}),
        ({"as-token": "seven"}, "param-malformed", {"in": ["asUser", "token"], "original-input": "seven"}),
        ({"as-token": new_id()}, "record-not-found", {"record-type": "app-user"}),
        ({"as-email": "nobody@example.com"}, "record-not-found", {"record-type": "app-user"}),
    ],
)
def test_every_failure_to_say_who_one_is_is_a_400(
    instant: Harness, headers: dict[str, str], kind: str, hint: dict[str, Any]
) -> None:
    with pytest.raises(Refused) as refused:
        instant.call("POST", "/admin/query", QUERY, headers)
    assert (refused.value.status, refused.value.kind) == (400, kind)
    assert hint.items() <= refused.value.hint.items()
    assert set(refused.value.body) == {"type", "message", "hint", "trace-id"}


def test_a_failed_admin_token_is_echoed_as_the_real_server_does(instant: Harness) -> None:
    token = new_id()
    with pytest.raises(Refused) as refused:
        instant.call("POST", "/admin/query", QUERY, {"authorization": f"Bearer {token}"})
    assert refused.value.hint["args"] == [{"app-id": instant.app.id, "token": token}]


def test_the_app_may_be_named_in_the_query_string(instant: Harness) -> None:
    answer = instant.call("POST", f"/admin/query?app_id={instant.app.id}", QUERY, {"app-id": ""})
    assert answer == {"$users": []}


def test_a_token_comes_before_an_email_before_a_guest_before_the_admin(instant: Harness) -> None:
    ada, as_ada = instant.sign_in("ada@example.com")
    ben, _ = instant.sign_in("ben@example.com")
    as_ben = {"as-email": "ben@example.com"}

    def seen(headers: dict[str, str]) -> set[str]:
        return {user["id"] for user in instant.query({"$users": {}}, headers=headers)["$users"]}

    assert seen({**as_ada, **as_ben, "as-guest": "1", "authorization": ""}) == {ada}
    assert seen({**as_ben, "as-guest": "1"}) == {ben}
    assert seen({"as-guest": "false", "authorization": ""}) == set()
    assert seen({}) == {ada, ben}


def test_as_email_is_compared_exactly_and_wants_the_admin_token(instant: Harness) -> None:
    instant.sign_in("ada@example.com")
    with pytest.raises(Refused, match="record-not-found"):
        instant.query({}, headers={"as-email": "Ada@example.com"})
    with pytest.raises(Refused, match="param-missing"):
        instant.query({}, headers={"as-email": "ada@example.com", "authorization": ""})


def test_a_body_of_another_type_is_not_read_and_one_that_is_not_json_is_told_so_in_text(
    instant: Harness,
) -> None:
    with pytest.raises(Refused) as refused:
        instant.call("POST", "/admin/query", QUERY, {"content-type": "text/plain"})
    assert refused.value.hint == {"in": ["body", "query"]}
    for body in (b"{", b'{"query": {"a": NaN}}'):
        response = instant.send("POST", "/admin/query", body)
        assert (response.status, response.headers["content-type"]) == (400, "text/plain")


@pytest.mark.parametrize("body", [{}, {"query": None}, {"query": []}, {"query": "x"}])
def test_a_query_is_an_object(instant: Harness, body: Any) -> None:
    with pytest.raises(Refused) as refused:
        instant.call("POST", "/admin/query", body)
    assert refused.value.kind in ("param-missing", "param-malformed")


def test_health_greeting_and_unknown_routes(instant: Harness) -> None:
    assert instant.call("GET", "/health/system") == {"wal": "ok"}
    assert instant.send("GET", "/").status == 200
    for method, path in (("GET", "/nowhere"), ("GET", "/admin/query")):
        response = instant.send(method, path)
        assert (response.status, response.body) == (200, b"")


def test_apps_in_one_file_know_nothing_of_each_other(instant: Harness) -> None:
    instant.transact(["create", "posts", new_id(), {"n": 1}])
    other = instant.standin.ensure_app("other")
    headers = {"app-id": other.id, "authorization": f"Bearer {other.admin_token}"}
    assert instant.query({"posts": {}}, headers=headers) == {"posts": []}
    path = f"/superadmin/apps/{instant.app.id}/schema"
    with pytest.raises(Refused) as refused:
        instant.call("GET", path, headers={"authorization": f"Bearer {other.admin_token}"})
    assert refused.value.hint["reason"] == "admin-token-mismatch"


def test_a_token_that_is_nobodys_is_a_401_on_the_dashboards_routes(instant: Harness) -> None:
    path = f"/dash/apps/{instant.app.id}/schema/pull"
    with pytest.raises(Refused) as refused:
        instant.call("GET", path, headers={"authorization": f"Bearer {new_id()}"})
    assert (refused.value.status, refused.value.kind) == (401, "record-not-found")


def test_ensuring_an_app_twice_keeps_it_and_a_given_token_replaces_the_stored_one(instant: Harness) -> None:
    again = instant.standin.ensure_app("again", instant.app.id)
    assert again.admin_token == instant.app.admin_token
    token = new_id()
    assert instant.standin.ensure_app("again", instant.app.id, token).admin_token == token
    assert instant.query({"$users": {}}, headers={"authorization": f"Bearer {token}"}) == {"$users": []}
    with pytest.raises(Refused, match="app-admin-token"):
        instant.query({"$users": {}})


def test_nobody_is_in_any_room(instant: Harness) -> None:
    path = "/admin/rooms/presence?room-type=chat&room-id=1"
    assert instant.call("GET", path) == {"sessions": None}
    with pytest.raises(Refused, match="param-missing"):
        instant.call("GET", "/admin/rooms/presence?room-id=1")


def test_the_same_seed_and_clock_give_the_same_answers() -> None:
    def history() -> list[Any]:
        instant = Harness(seed=3)
        code = instant.call("POST", "/admin/magic_code", {"email": "a@b.example"})
        user = instant.sign_in("a@b.example")
        return [instant.app.id, code, user, instant.send("POST", "/admin/query", {}).body]

    assert history() == history()
