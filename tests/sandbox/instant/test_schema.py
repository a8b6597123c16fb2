from typing import Any

import pytest

from tests.sandbox.instant.harness import PERMS, SCHEMA, Harness, Refused, attrs, link, new_id


def names(push: Any) -> list[tuple[str, str]]:
    """The steps of a push: what each does, to which attribute."""
    return [(step[0], ".".join(step[1]["forward-identity"][1:])) for step in push["steps"]]


def wait(instant: Harness, push: Any) -> list[tuple[str, str, Any]]:
    """What became of the jobs of a push: whoever asks for the first time is told that they are at work."""
    group = push["indexing-jobs"]["group-id"]

    def ask() -> Any:
        return instant.call("GET", f"/dash/apps/{instant.app.id}/indexing-jobs/group/{group}")["jobs"]

    assert {(job["job_status"], job["error"]) for job in ask()} == {("processing", None)}
    return [(job["job_type"], job["job_status"], job["error"]) for job in ask()]


def blob(instant: Harness, etype: str, label: str) -> Any:
    return instant.call("GET", "/admin/schema")["schema"]["blobs"][etype][label]


def test_this_projects_schema_can_be_pushed_and_read_back(instant: Harness) -> None:
    instant.push(SCHEMA)
    schema = instant.call("GET", "/admin/schema")["schema"]
    for label in ("key", "slot"):
        column = schema["blobs"]["creditEntries"][label]
        assert (column["unique?"], column["index?"], column["required?"]) == (True, True, True)
        assert column["checked-data-type"] == "string"
        assert "setting-unique?" not in column
    account = schema["refs"]["creditEntries-account-$users-creditEntries"]
    assert (account["value-type"], account["cardinality"], account["unique?"]) == ("ref", "one", False)
    assert "on-delete" not in account
    assert schema["refs"]["haikus-author-$users-haikus"]["on-delete"] == "cascade"
    assert schema["blobs"]["$users"]["email"]["catalog"] == "system"
    assert "$magicCodes" not in schema["blobs"]


def test_pushing_again_changes_nothing(instant: Harness) -> None:
    instant.push(SCHEMA)
    again = instant.push(SCHEMA)
    assert (again["steps"], again["indexing-jobs"]) == ([], None)


def test_a_plan_says_what_a_push_would_do_and_does_it_not(instant: Harness) -> None:
    body = {"schema": {"entities": {"posts": attrs(title="string")}}, "check_types": True}
    plan = instant.call("POST", f"/superadmin/apps/{instant.app.id}/schema/push/plan", body)
    assert names(plan) == [("add-attr", "posts.id"), ("add-attr", "posts.title")]
    assert "posts" not in plan["current-schema"]["blobs"]
    assert "posts" not in instant.call("GET", "/admin/schema")["schema"]["blobs"]


def test_what_a_push_leaves_out_stays(instant: Harness) -> None:
    instant.push({"entities": {"posts": attrs(title="string", n="number")}})
    instant.push({"entities": {"posts": attrs(title="string")}})
    assert blob(instant, "posts", "n")["checked-data-type"] == "number"


@pytest.mark.parametrize("background", [True, False])
def test_flags_of_an_existing_attribute_are_changed_with_the_rows_that_are_there(
    instant: Harness, background: bool
) -> None:
    instant.push({"entities": {"posts": attrs(key="string")}})
    instant.transact(["create", "posts", new_id(), {"key": "a"}], ["create", "posts", new_id(), {"key": "b"}])
    push = instant.push({"entities": {"posts": attrs(key="string!#*")}}, background=background)
    if background:
        assert names(push) == [("index", "posts.key"), ("unique", "posts.key"), ("required", "posts.key")]
        assert {job["job_status"] for job in push["indexing-jobs"]["jobs"]} == {"waiting"}
        assert wait(instant, push) == [(job, "completed", None) for job in ("index", "unique", "required")]
    with pytest.raises(Refused, match="record-not-unique"):
        instant.transact(["create", "posts", new_id(), {"key": "a"}])
    assert [post["key"] for post in instant.find("posts", None, order={"key": "desc"})] == ["b", "a"]
    with pytest.raises(Refused, match="Missing required"):
        instant.transact(["create", "posts", new_id(), {}])


def test_a_job_over_rows_that_do_not_fit_fails_and_leaves_the_attribute_as_it_was(instant: Harness) -> None:
    instant.transact(*(["create", "posts", new_id(), {"key": "same", "n": "x"}] for _ in range(2)))
    instant.transact(["create", "posts", new_id(), {"long": "x" * 2000}])
    push = instant.push({"entities": {"posts": attrs(key="any!*", n="number", long="any#")}})
    assert sorted(wait(instant, push)) == [
        ("check-data-type", "errored", "invalid-triple-error"),
        ("index", "errored", "triple-too-large-error"),
        ("required", "errored", "missing-required-error"),
        ("unique", "errored", "triple-not-unique-error"),
    ]
    column = blob(instant, "posts", "key")
    assert (column["unique?"], column["required?"]) == (False, False)
    instant.transact(["create", "posts", new_id(), {"key": "same"}])


def test_without_background_updates_what_does_not_fit_is_refused(instant: Harness) -> None:
    instant.transact(*(["create", "posts", new_id(), {"key": "same"}] for _ in range(2)))
    with pytest.raises(Refused, match="record-not-unique"):
        instant.push({"entities": {"posts": attrs(key="any!")}}, background=False)
    assert blob(instant, "posts", "key")["unique?"] is False


def test_a_new_required_attribute_is_refused_when_there_are_rows(instant: Harness) -> None:
    instant.push({"entities": {"posts": attrs(n="number")}})
    instant.transact(["create", "posts", new_id(), {"n": 1}])
    with pytest.raises(Refused, match="has entities already"):
        instant.push({"entities": {"posts": attrs(n="number", title="string*")}})
    assert "title" not in instant.call("GET", "/admin/schema")["schema"]["blobs"]["posts"]


def test_a_new_indexed_attribute_is_null_on_the_rows_that_are_there(instant: Harness) -> None:
    post = new_id()
    instant.transact(["create", "posts", post, {"n": 1}])
    instant.push({"entities": {"posts": attrs(rank="number#")}})
    assert instant.find("posts") == [{"id": post, "n": 1, "rank": None}]


def test_a_type_can_be_taken_back(instant: Harness) -> None:
    instant.push({"entities": {"posts": attrs(n="number")}})
    push = instant.push({"entities": {"posts": attrs(n="any")}})
    assert wait(instant, push) == [("remove-data-type", "completed", None)]
    instant.transact(["create", "posts", new_id(), {"n": "now a text"}])


@pytest.mark.parametrize(
    "links",
    [
        {"back": link("people.posts many", "posts.author one")},
        {"taken": link("posts.title one", "people.titled many")},
        {"other": link("posts.author one", "people.written many")},
        {"cascade": link("posts.friends many", "people.fans many", onDelete="cascade")},
    ],
)
def test_links_that_conflict_or_cascade_from_many_are_refused(instant: Harness, links: Any) -> None:
    base = {
        "entities": {"posts": attrs(title="string"), "people": attrs(name="string")},
        "links": {"author": link("posts.author one", "people.posts many")},
    }
    instant.push(base)
    with pytest.raises(Refused) as refused:
        instant.push({"entities": {}, "links": links})
    assert refused.value.hint["data-type"] == "schema"


def test_a_link_can_be_changed(instant: Harness) -> None:
    one = link("posts.author one", "people.posts many")
    schema = {"entities": {"posts": attrs(n="number"), "people": attrs(n="number")}, "links": {"a": one}}
    instant.push(schema)
    push = instant.push({"links": {"a": link("posts.author one", "people.posts one", onDelete="cascade")}})
    assert names(push) == [("update-attr", "posts.author")]
    ref = instant.call("GET", "/admin/schema")["schema"]["refs"]["posts-author-people-posts"]
    assert (ref["unique?"], ref["on-delete"]) == (True, "cascade")


def test_the_clis_steps_rename_and_delete_with_the_values(instant: Harness) -> None:
    instant.push({"entities": {"posts": attrs(old="string!#", gone="number#")}})
    post = new_id()
    instant.transact(["create", "posts", post, {"old": "a", "gone": 1}])
    old, gone = blob(instant, "posts", "old"), blob(instant, "posts", "gone")
    steps = [
        ["update-attr", {"id": old["id"], "forward-identity": [old["forward-identity"][0], "posts", "new"]}],
        ["delete-attr", gone["id"]],
    ]
    instant.call("POST", f"/dash/apps/{instant.app.id}/schema/steps/apply", {"steps": steps})
    assert instant.find("posts") == [{"id": post, "new": "a"}]
    assert instant.find("posts", {"new": "a"}) == [{"id": post, "new": "a"}]
    with pytest.raises(Refused, match="record-not-unique"):
        instant.transact(["create", "posts", new_id(), {"new": "a"}])


def test_the_clis_pull_shows_schema_attributes_and_title(instant: Harness) -> None:
    instant.push(SCHEMA)
    pulled = instant.call("GET", f"/dash/apps/{instant.app.id}/schema/pull")
    assert pulled["app-title"] == "harness"
    assert {"creditEntries", "haikus", "$users"} <= set(pulled["schema"]["blobs"])
    assert any(attr["forward-identity"][1:] == ["creditEntries", "key"] for attr in pulled["attrs"])
    assert '["haikus" "author" "$users" "haikus"]' in pulled["schema"]["refs"]


def test_rules_are_pushed_whole_and_read_back_by_both_routes(instant: Harness) -> None:
    assert instant.push_rules()["rules"]["code"] == PERMS
    assert instant.push_rules() == {"rules": None}
    instant.call("POST", f"/dash/apps/{instant.app.id}/rules", {"code": {"a": {"allow": {"view": "false"}}}})
    expected = {"perms": {"a": {"allow": {"view": "false"}}}}
    assert instant.call("GET", f"/superadmin/apps/{instant.app.id}/perms") == expected
    assert instant.call("GET", f"/dash/apps/{instant.app.id}/perms/pull") == expected


@pytest.mark.parametrize("schema", [None, {"entities": {}}, {"links": None}])
def test_a_schema_that_says_nothing_is_taken_without_a_step(instant: Harness, schema: Any) -> None:
    push = instant.push(schema)
    assert (push["steps"], push["transaction"], push["indexing-jobs"]) == ([], {}, None)
    assert push["new-schema"] == {"blobs": {}, "refs": {}}


@pytest.mark.parametrize("schema", [[], {"links": {"a": {}}}])
def test_a_list_or_a_malformed_link_breaks_the_server(instant: Harness, schema: Any) -> None:
    with pytest.raises(Refused) as refused:
        instant.push(schema)
    assert (refused.value.status, refused.value.kind) == (500, "unknown")
    assert set(refused.value.hint) == {"debug-uri"}


def test_a_push_repeats_the_schema_as_attributes_without_ids(instant: Harness) -> None:
    schema = {
        "entities": {"posts": attrs(text="any#"), "$users": attrs(email="string!#", nick="string")},
        "links": {"a": link("posts.author one", "$users.posts many")},
    }
    new = instant.push(schema)["new-schema"]
    assert new["blobs"]["posts"]["text"] == {
        "id": None,
        "forward-identity": [None, "posts", "text"],
        "value-type": "blob",
        "cardinality": "one",
        "unique?": False,
        "index?": True,
        "required?": False,
        "checked-data-type": None,
        "catalog": "user",
    }
    assert set(new["blobs"]["$users"]) == {"nick"}
    ref = new["refs"]['["posts" "author" "$users" "posts"]']
    assert ref["reverse-identity"] == [None, "$users", "posts"]
    assert (ref["on-delete"], ref["on-delete-reverse"]) == (None, None)
