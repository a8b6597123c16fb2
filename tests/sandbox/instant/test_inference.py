import pytest

from tests.sandbox.instant.harness import Gap, Harness, Refused, attrs, new_id


def test_they_are_refused_by_name_when_the_caller_asks_for_it(instant: Harness) -> None:
    instant.push({"entities": {"entries": attrs(note="string")}})
    with pytest.raises(Refused) as refused:
        instant.transact(["create", "entries", new_id(), {"nte": "typo"}], strict=True)
    assert refused.value.hint["data-type"] == "steps"
    assert refused.value.hint["errors"][0]["hint"] == {"attributes": ["entries.nte"]}
    assert "nte" not in instant.call("GET", "/admin/schema")["schema"]["blobs"]["entries"]


def test_else_they_are_made_plain_and_a_lookups_unique_and_indexed(instant: Harness) -> None:
    instant.transact(["update", "posts", ["slug", "a"], {"title": "A"}])
    blobs = instant.call("GET", "/admin/schema")["schema"]["blobs"]["posts"]
    flags = {name: (attr["unique?"], attr["index?"]) for name, attr in blobs.items()}
    assert flags == {"id": (True, False), "title": (False, False), "slug": (True, True)}
    assert blobs["title"]["inferred-types"] == ["string"]


def test_an_inferred_link_goes_to_many_both_ways(instant: Harness) -> None:
    post, tag = new_id(), new_id()
    instant.transact(["create", "tags", tag, {"name": "x"}], ["create", "posts", post, {}])
    instant.transact(["link", "posts", post, {"tags": tag}])
    (ref,) = [
        ref
        for ref in instant.call("GET", "/admin/schema")["schema"]["refs"].values()
        if ref["catalog"] == "user"
    ]
    assert ref["reverse-identity"][1:] == ["tags", "posts"]
    assert (ref["cardinality"], ref["unique?"]) == ("many", False)


def test_a_reserved_namespace_cannot_be_inferred(instant: Harness) -> None:
    with pytest.raises(Refused) as refused:
        instant.transact(["create", "$secrets", new_id(), {"a": 1}])
    assert refused.value.hint["data-type"] == "attributes"


def test_two_requests_inferring_one_attribute_at_once_clash() -> None:
    gap = Gap()
    instant = Harness(pause=gap)
    gap.fill(lambda: instant.transact(["create", "posts", new_id(), {"title": "second"}]))
    with pytest.raises(Refused) as refused:
        instant.transact(["create", "posts", new_id(), {"title": "first"}])
    assert refused.value.kind == "record-not-unique"
    assert refused.value.hint["record-type"] == "ident"
    assert [post["title"] for post in instant.find("posts")] == ["second"]
