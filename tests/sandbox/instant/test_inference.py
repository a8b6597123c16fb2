"""Attributes that nobody declared."""

from tests.sandbox.instant.harness import Gap, Harness, attrs, new_id, refused


def test_they_are_refused_by_name_when_the_caller_asks_for_it(instant: Harness) -> None:
    instant.push({"entities": {"entries": attrs(note="string")}})
    with refused("validation-failed", {"data-type": "steps"}) as caught:
        instant.transact(["create", "entries", new_id(), {"nte": "typo"}], strict=True)
    assert caught.value.hint["errors"][0]["hint"] == {"attributes": ["entries.nte"]}
    assert "nte" not in instant.schema()["blobs"]["entries"]


def test_else_they_are_made_plain_and_a_lookups_unique_and_indexed(instant: Harness) -> None:
    instant.transact(["update", "posts", ["slug", "a"], {"title": "A"}])
    blobs = instant.schema()["blobs"]["posts"]
    flags = {name: (attr["unique?"], attr["index?"]) for name, attr in blobs.items()}
    assert flags == {"id": (True, False), "title": (False, False), "slug": (True, True)}
    assert blobs["title"]["inferred-types"] == ["string"]


def test_an_inferred_link_goes_to_many_both_ways(instant: Harness) -> None:
    instant.transact(["link", "posts", instant.create("posts"), {"tags": instant.create("tags")}])
    (ref,) = [ref for ref in instant.schema()["refs"].values() if ref["catalog"] == "user"]
    assert ref["reverse-identity"][1:] == ["tags", "posts"]
    assert (ref["cardinality"], ref["unique?"]) == ("many", False)


def test_a_reserved_namespace_cannot_be_inferred(instant: Harness) -> None:
    with refused("validation-failed", {"data-type": "attributes"}):
        instant.create("$secrets", a=1)


def test_two_requests_inferring_one_attribute_at_once_clash(instant: Harness, gap: Gap) -> None:
    gap.fill(lambda: instant.create("posts", title="second"))
    with refused("record-not-unique", {"record-type": "ident"}):
        instant.create("posts", title="first")
    assert [post["title"] for post in instant.find("posts")] == ["second"]
