import json

import pytest

from tests.sandbox.instant.harness import Harness, Refused, attrs, link, new_id

SCHEMA = {
    "entities": {
        "posts": attrs(n="number"),
        "people": attrs(name="string"),
        "passports": attrs(no="string"),
    },
    "links": {
        "author": link("posts.author one", "people.posts many"),
        "passport": link("people.passport one", "passports.holder one"),
    },
}


def test_a_link_to_one_replaces_the_former(instant: Harness) -> None:
    instant.push(SCHEMA)
    post, ada, ben = new_id(), new_id(), new_id()
    instant.transact(*(["update", "people", each, {}] for each in (ada, ben)), ["update", "posts", post, {}])
    instant.transact(["link", "posts", post, {"author": ada}])
    instant.transact(["link", "people", ben, {"posts": [post]}])
    assert instant.find("posts") == [{"id": post, "author": ben}]


def test_two_cannot_link_to_what_takes_only_one(instant: Harness) -> None:
    instant.push(SCHEMA)
    ada, ben, passport = new_id(), new_id(), new_id()
    instant.transact(*(["update", "people", each, {}] for each in (ada, ben)))
    instant.transact(["update", "passports", passport, {}], ["link", "people", ada, {"passport": passport}])
    with pytest.raises(Refused) as refused:
        instant.transact(["link", "people", ben, {"passport": passport}])
    assert refused.value.kind == "record-not-unique"
    assert json.loads(refused.value.hint["value"]) == passport


def test_unlink_undoes_it_from_either_side(instant: Harness) -> None:
    instant.push(SCHEMA)
    post, ada = new_id(), new_id()
    instant.transact(["update", "people", ada, {}], ["update", "posts", post, {}])
    for step in (["unlink", "posts", post, {"author": ada}], ["unlink", "people", ada, {"posts": post}]):
        instant.transact(["link", "posts", post, {"author": ada}])
        instant.transact(step)
        assert instant.find("posts") == [{"id": post}]


def test_delete_takes_links_along_and_leaves_the_others(instant: Harness) -> None:
    instant.push(SCHEMA)
    post, ada = new_id(), new_id()
    instant.transact(["update", "people", ada, {}], ["update", "posts", post, {}])
    instant.transact(["link", "posts", post, {"author": ada}])
    instant.transact(["delete", "people", ada])
    assert instant.find("posts") == [{"id": post}]


@pytest.mark.parametrize("side", ["forward", "reverse"])
def test_cascades_run_from_either_side_and_go_on(instant: Harness, side: str) -> None:
    first = link("b.up one", "a.down one")
    second = link("c.up one", "b.down one")
    for each in (first, second):
        each[side]["onDelete"] = "cascade"
    instant.push({"entities": {n: attrs(n="number") for n in "abc"}, "links": {"1": first, "2": second}})
    ids = {name: new_id() for name in "abc"}
    instant.transact(*(["update", name, ids[name], {}] for name in "abc"))
    instant.transact(["link", "b", ids["b"], {"up": ids["a"]}], ["link", "c", ids["c"], {"up": ids["b"]}])
    start = "a" if side == "forward" else "c"
    instant.transact(["delete", start, ids[start]])
    assert [instant.find(name) for name in "abc"] == [[], [], []]


def test_a_required_link_must_be_there(instant: Harness) -> None:
    schema = {
        "entities": {"posts": attrs(n="number"), "people": attrs(name="string")},
        "links": {"author": link("posts.author one", "people.posts many", required=True)},
    }
    instant.push(schema)
    post, ada = new_id(), new_id()
    instant.transact(["update", "people", ada, {}])
    with pytest.raises(Refused) as refused:
        instant.transact(["create", "posts", post, {}])
    assert refused.value.hint["records"][0]["label"] == "author"
    instant.transact(["create", "posts", post, {"author": ada}])
    with pytest.raises(Refused, match="posts/author"):
        instant.transact(["delete", "people", ada])


def test_a_link_from_nobody_is_refused_where_something_is_required(instant: Harness) -> None:
    instant.push(SCHEMA)
    ada, nobody = new_id(), new_id()
    instant.transact(["create", "people", ada, {"name": "Ada"}], ["link", "posts", nobody, {"author": ada}])
    assert instant.find("posts") == []
    instant.push({"entities": {"posts": attrs(title="string*")}})
    with pytest.raises(Refused) as refused:
        instant.transact(["link", "posts", new_id(), {"author": ada}])
    records = refused.value.hint["records"]
    assert [(each["label"], each["is_required"]) for each in records] == [("id", False), ("title", True)]
