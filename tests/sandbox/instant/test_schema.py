from typing import Any

import pytest

from tests.sandbox.instant.harness import PERMS, SCHEMA, Harness, attrs, link, refused


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


def posts(**columns: str) -> dict[str, Any]:
    return {"entities": {"posts": attrs(**columns)}}


AUTHORS = {
    "entities": {"posts": attrs(title="string"), "people": attrs(name="string")},
    "links": {"author": link("posts.author one", "people.posts many")},
}


def test_this_projects_schema_is_read_back_and_pushing_it_again_changes_nothing(instant: Harness) -> None:
    instant.push(SCHEMA)
    schema = instant.schema()
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
    again = instant.push(SCHEMA)
    assert (again["steps"], again["indexing-jobs"]) == ([], None)


def test_a_plan_says_what_a_push_would_do_and_does_it_not(instant: Harness) -> None:
    body = {"schema": posts(title="string"), "check_types": True}
    plan = instant.call("POST", f"/superadmin/apps/{instant.app.id}/schema/push/plan", body)
    assert names(plan) == [("add-attr", "posts.id"), ("add-attr", "posts.title")]
    assert "posts" not in plan["current-schema"]["blobs"]
    assert "posts" not in instant.schema()["blobs"]


def test_what_a_push_leaves_out_stays(instant: Harness) -> None:
    instant.push(posts(title="string", n="number"))
    instant.push(posts(title="string"))
    assert instant.schema()["blobs"]["posts"]["n"]["checked-data-type"] == "number"


@pytest.mark.parametrize("background", [True, False])
def test_flags_of_an_existing_attribute_are_changed_with_the_rows_that_are_there(
    instant: Harness, background: bool
) -> None:
    instant.push(posts(key="string"))
    for key in "ab":
        instant.create("posts", key=key)
    push = instant.push(posts(key="string!#*"), background=background)
    if background:
        assert names(push) == [("index", "posts.key"), ("unique", "posts.key"), ("required", "posts.key")]
        assert {job["job_status"] for job in push["indexing-jobs"]["jobs"]} == {"waiting"}
        assert wait(instant, push) == [(job, "completed", None) for job in ("index", "unique", "required")]
    with refused("record-not-unique"):
        instant.create("posts", key="a")
    assert [post["key"] for post in instant.find("posts", order={"key": "desc"})] == ["b", "a"]
    with refused("validation-failed", said="Missing required"):
        instant.create("posts")


def test_a_job_over_rows_that_do_not_fit_fails_and_leaves_the_attribute_as_it_was(instant: Harness) -> None:
    for values in ({"key": "same", "n": "x"}, {"key": "same", "n": "x"}, {"long": "x" * 2000}):
        instant.create("posts", **values)
    push = instant.push(posts(key="any!*", n="number", long="any#"))
    assert sorted(wait(instant, push)) == [
        ("check-data-type", "errored", "invalid-triple-error"),
        ("index", "errored", "triple-too-large-error"),
        ("required", "errored", "missing-required-error"),
        ("unique", "errored", "triple-not-unique-error"),
    ]
    column = instant.schema()["blobs"]["posts"]["key"]
    assert (column["unique?"], column["required?"]) == (False, False)
    instant.create("posts", key="same")


def test_without_background_updates_what_does_not_fit_is_refused(instant: Harness) -> None:
    for _ in range(2):
        instant.create("posts", key="same")
    with refused("record-not-unique"):
        instant.push(posts(key="any!"), background=False)
    assert instant.schema()["blobs"]["posts"]["key"]["unique?"] is False


def test_a_new_required_attribute_is_refused_when_there_are_rows(instant: Harness) -> None:
    instant.create("posts", n=1)
    with refused("validation-failed", said="has entities already"):
        instant.push(posts(n="number", title="string*"))
    assert "title" not in instant.schema()["blobs"]["posts"]


def test_a_new_indexed_attribute_is_null_on_the_rows_that_are_there(instant: Harness) -> None:
    post = instant.create("posts", n=1)
    instant.push(posts(rank="number#"))
    assert instant.find("posts") == [{"id": post, "n": 1, "rank": None}]


def test_a_type_can_be_taken_back(instant: Harness) -> None:
    instant.push(posts(n="number"))
    assert wait(instant, instant.push(posts(n="any"))) == [("remove-data-type", "completed", None)]
    instant.create("posts", n="now a text")


@pytest.mark.parametrize(
    "conflict",
    [
        link("people.posts many", "posts.author one"),
        link("posts.title one", "people.titled many"),
        link("posts.author one", "people.written many"),
        link("posts.friends many", "people.fans many", onDelete="cascade"),
    ],
    ids=["backwards", "taken", "renamed", "cascade from many"],
)
def test_links_that_conflict_or_cascade_from_many_are_refused(instant: Harness, conflict: Any) -> None:
    instant.push(AUTHORS)
    with refused("validation-failed", {"data-type": "schema"}):
        instant.push({"entities": {}, "links": {"conflict": conflict}})


def test_a_link_can_be_changed(instant: Harness) -> None:
    instant.push(AUTHORS)
    push = instant.push({"links": {"a": link("posts.author one", "people.posts one", onDelete="cascade")}})
    assert names(push) == [("update-attr", "posts.author")]
    ref = instant.schema()["refs"]["posts-author-people-posts"]
    assert (ref["unique?"], ref["on-delete"]) == (True, "cascade")


def test_the_clis_steps_rename_and_delete_with_the_values(instant: Harness) -> None:
    instant.push(posts(old="string!#", gone="number#"))
    post = instant.create("posts", old="a", gone=1)
    blobs = instant.schema()["blobs"]["posts"]
    renamed = [blobs["old"]["forward-identity"][0], "posts", "new"]
    steps = [
        ["update-attr", {"id": blobs["old"]["id"], "forward-identity": renamed}],
        ["delete-attr", blobs["gone"]["id"]],
    ]
    instant.call("POST", f"/dash/apps/{instant.app.id}/schema/steps/apply", {"steps": steps})
    assert instant.find("posts") == instant.find("posts", {"new": "a"}) == [{"id": post, "new": "a"}]
    with refused("record-not-unique"):
        instant.create("posts", new="a")


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
    code = {"a": {"allow": {"view": "false"}}}
    instant.call("POST", f"/dash/apps/{instant.app.id}/rules", {"code": code})
    for path in (f"/superadmin/apps/{instant.app.id}/perms", f"/dash/apps/{instant.app.id}/perms/pull"):
        assert instant.call("GET", path) == {"perms": code}


@pytest.mark.parametrize("schema", [None, {"entities": {}}, {"links": None}])
def test_a_schema_that_says_nothing_is_taken_without_a_step(instant: Harness, schema: Any) -> None:
    push = instant.push(schema)
    assert (push["steps"], push["transaction"], push["indexing-jobs"]) == ([], {}, None)
    assert push["new-schema"] == {"blobs": {}, "refs": {}}


@pytest.mark.parametrize("schema", [[], {"links": {"a": {}}}])
def test_a_list_or_a_malformed_link_breaks_the_server(instant: Harness, schema: Any) -> None:
    with refused("unknown", status=500) as caught:
        instant.push(schema)
    assert set(caught.value.hint) == {"debug-uri"}


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
