from typing import Any

import pytest

from tests.sandbox.instant.harness import Harness, attrs, link, new_id, refused


@pytest.mark.parametrize(
    "lookup", ['lookup__key__"k"', ["key", "k"], {"key": "k"}], ids=["text", "pair", "object"]
)
def test_all_three_spellings_name_the_same_entity(keyed: Harness, lookup: Any) -> None:
    post = keyed.create("posts", key="k")
    keyed.transact(["update", "posts", lookup, {"n": 1}])
    assert keyed.find("posts") == [{"id": post, "key": "k", "n": 1}]


def test_update_and_merge_make_one_missing_entity_and_delete_makes_none(keyed: Harness) -> None:
    keyed.transact(["update", "posts", ["key", "k"], {"n": 1}], ["merge", "posts", ["key", "k"], {"m": 2}])
    keyed.transact(["delete", "posts", ["key", "other"], None])
    assert [(post["key"], post["n"], post["m"]) for post in keyed.find("posts")] == [("k", 1, 2)]


def test_a_lookup_on_an_attribute_that_is_not_unique_is_refused(instant: Harness) -> None:
    instant.create("posts", n=1)
    with refused("validation-failed", {"data-type": "lookup"}):
        instant.transact(["update", "posts", ["n", 1], {"m": 1}])


def test_a_link_to_a_missing_one_is_refused_unless_it_is_made_here(instant: Harness) -> None:
    schema = {
        "entities": {"posts": attrs(n="number"), "people": attrs(name="string!#")},
        "links": {"a": link("posts.author one", "people.posts many")},
    }
    instant.push(schema)

    def linked(name: str, *before: Any) -> None:
        post = new_id()
        linking = ["link", "posts", post, {"author": ["name", name]}]
        instant.transact(["create", "posts", post, {}], *before, linking)

    with refused("validation-failed", {"value": "ada"}, said="valid uuid"):
        linked("ada")
    with refused("validation-failed", {"data-type": "lookup"}):
        linked(new_id())
    linked("ada", ["update", "people", ["name", "ada"], {}])
    (post,) = instant.query({"posts": {"author": {}}})["posts"]
    assert post["author"][0]["name"] == "ada"


def test_the_looked_up_attribute_can_change_only_where_there_is_a_row(keyed: Harness) -> None:
    step = ["update", "posts", ["key", "a"], {"key": "b"}]
    with refused("validation-failed", said="already exists"):
        keyed.transact(step)
    keyed.create("posts", key="a")
    keyed.transact(step)
    assert [post["key"] for post in keyed.find("posts")] == ["b"]
