from typing import Any

import pytest

from tests.sandbox.instant.harness import Harness, Refused, attrs, link, new_id


@pytest.mark.parametrize(
    "lookup", ['lookup__key__"k"', ["key", "k"], {"key": "k"}], ids=["text", "pair", "object"]
)
def test_all_three_spellings_name_the_same_entity(instant: Harness, lookup: Any) -> None:
    instant.push({"entities": {"posts": attrs(key="string!#")}})
    post = new_id()
    instant.transact(["create", "posts", post, {"key": "k"}])
    instant.transact(["update", "posts", lookup, {"n": 1}])
    assert instant.find("posts") == [{"id": post, "key": "k", "n": 1}]


def test_update_of_a_missing_one_creates_it(instant: Harness) -> None:
    instant.push({"entities": {"posts": attrs(key="string!#")}})
    instant.transact(["update", "posts", ["key", "k"], {"n": 1}], ["merge", "posts", ["key", "k"], {"m": 2}])
    assert [(post["key"], post["n"], post["m"]) for post in instant.find("posts")] == [("k", 1, 2)]


def test_delete_of_a_missing_one_does_nothing(instant: Harness) -> None:
    instant.push({"entities": {"posts": attrs(key="string!#")}})
    instant.transact(["delete", "posts", ["key", "k"], None])
    assert instant.find("posts") == []


def test_a_lookup_on_an_attribute_that_is_not_unique_is_refused(instant: Harness) -> None:
    instant.transact(["create", "posts", new_id(), {"n": 1}])
    with pytest.raises(Refused) as refused:
        instant.transact(["update", "posts", ["n", 1], {"m": 1}])
    assert refused.value.hint["data-type"] == "lookup"


def test_a_link_to_a_missing_one_is_refused_unless_it_is_made_here(instant: Harness) -> None:
    schema = {
        "entities": {"posts": attrs(n="number"), "people": attrs(name="string!#")},
        "links": {"a": link("posts.author one", "people.posts many")},
    }
    instant.push(schema)
    post = new_id()
    linking = ["link", "posts", post, {"author": ["name", "ada"]}]
    with pytest.raises(Refused, match="valid uuid") as refused:
        instant.transact(["create", "posts", post, {}], linking)
    assert refused.value.hint["value"] == "ada"
    with pytest.raises(Refused) as refused:
        instant.transact(
            ["create", "posts", post, {}], ["link", "posts", post, {"author": ["name", new_id()]}]
        )
    assert refused.value.hint["data-type"] == "lookup"
    instant.transact(["create", "posts", post, {}], ["update", "people", ["name", "ada"], {}], linking)
    found = instant.query({"posts": {"author": {}}})["posts"]
    assert found[0]["author"][0]["name"] == "ada"


def test_the_looked_up_attribute_can_change_only_where_there_is_a_row(instant: Harness) -> None:
    instant.push({"entities": {"posts": attrs(key="string!#")}})
    with pytest.raises(Refused, match="already exists"):
        instant.transact(["update", "posts", ["key", "a"], {"key": "b"}])
    instant.transact(["update", "posts", ["key", "a"], {}])
    instant.transact(["update", "posts", ["key", "a"], {"key": "b"}])
    assert [post["key"] for post in instant.find("posts")] == ["b"]
