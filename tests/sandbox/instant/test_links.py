import json
from typing import Any

import pytest

from tests.sandbox.instant.harness import Harness, attrs, link, new_id, refused

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


@pytest.fixture
def linked(instant: Harness) -> Harness:
    """An app in which posts have authors, and people one passport each."""
    instant.push(SCHEMA)
    return instant


def test_a_link_to_one_replaces_the_former(linked: Harness) -> None:
    post, ben = linked.create("posts", author=linked.create("people")), linked.create("people")
    linked.transact(["link", "people", ben, {"posts": [post]}])
    assert linked.find("posts") == [{"id": post, "author": ben}]


def test_two_cannot_link_to_what_takes_only_one(linked: Harness) -> None:
    passport = linked.create("passports")
    linked.create("people", passport=passport)
    with refused("record-not-unique") as caught:
        linked.create("people", passport=passport)
    assert json.loads(caught.value.hint["value"]) == passport


def test_a_link_is_gone_once_it_is_undone_from_either_side_or_one_side_is_deleted(linked: Harness) -> None:
    post, ada = linked.create("posts"), linked.create("people")
    undoings: list[list[Any]] = [
        ["unlink", "posts", post, {"author": ada}],
        ["unlink", "people", ada, {"posts": post}],
        ["delete", "people", ada],
    ]
    for undoing in undoings:
        linked.transact(["link", "posts", post, {"author": ada}])
        linked.transact(undoing)
        assert linked.find("posts") == [{"id": post}]


@pytest.mark.parametrize(("side", "start"), [("forward", 0), ("reverse", 2)])
def test_cascades_run_from_either_side_and_go_on(instant: Harness, side: str, start: int) -> None:
    links = {"1": link("b.up one", "a.down one"), "2": link("c.up one", "b.down one")}
    for each in links.values():
        each[side]["onDelete"] = "cascade"
    instant.push({"entities": {name: attrs(n="number") for name in "abc"}, "links": links})
    a = instant.create("a")
    b = instant.create("b", up=a)
    c = instant.create("c", up=b)
    instant.transact(["delete", "abc"[start], (a, b, c)[start]])
    assert [instant.find(name) for name in "abc"] == [[], [], []]


def test_a_required_link_must_be_there(instant: Harness) -> None:
    author = link("posts.author one", "people.posts many", required=True)
    instant.push(SCHEMA | {"links": {"author": author}})
    ada = instant.create("people")
    with refused("validation-failed") as caught:
        instant.create("posts")
    assert caught.value.hint["records"][0]["label"] == "author"
    instant.create("posts", author=ada)
    with refused("validation-failed", said="posts/author"):
        instant.transact(["delete", "people", ada])


def test_a_link_from_nobody_is_refused_where_something_is_required(linked: Harness) -> None:
    ada = linked.create("people", name="Ada")
    linked.transact(["link", "posts", new_id(), {"author": ada}])
    assert linked.find("posts") == []
    linked.push({"entities": {"posts": attrs(title="string*")}})
    with refused("validation-failed") as caught:
        linked.transact(["link", "posts", new_id(), {"author": ada}])
    records = caught.value.hint["records"]
    assert [(each["label"], each["is_required"]) for each in records] == [("id", False), ("title", True)]
