"""What queries find, in which order. The plain conditions and pages are in `tests/contract/test_queries.py`."""

from typing import Any

import pytest

from tests.sandbox.instant.harness import GUEST, Harness, attrs, link, new_id, refused

SCHEMA = {
    "entities": {
        "posts": attrs(title="string#", n="number#", d="date#", done="boolean#", free="any", plain="string"),
        "people": attrs(name="string#", key="string!#"),
        "tags": attrs(word="string#"),
    },
    "links": {
        "author": link("posts.author one", "people.posts many"),
        "tags": link("posts.tags many", "tags.posts many"),
        "boss": link("people.boss one", "people.reports many"),
        "pair": link("people.spouse one", "people.spouseOf one"),
    },
}
A, B, C, D, ADA, BEN, NEWS = (f"00000000-0000-4000-8000-00000000000{n}" for n in range(7))


@pytest.fixture
def blog(instant: Harness) -> Harness:
    """Four posts, the last of them bare, by Ada and Ben; Ben's boss is Ada."""
    instant.push(SCHEMA)
    by_ada, by_ben = ({"author": author, "tags": NEWS} for author in (ADA, BEN))
    posts = {
        A: {"title": "Alpha", "n": 1, "d": "2026-01-01", "done": True, "free": {"x": 1}, "plain": "yes"}
        | by_ada,
        B: {"title": "beta", "n": 2, "d": 1_767_312_000_000, "done": False, "free": "1", "plain": "no"}
        | by_ben,
        C: {"title": "Gamma_%", "n": 2.5, "d": None, "done": None, "free": 1, "plain": None},
        D: {},
    }
    instant.transact(
        ["create", "people", ADA, {"name": "Ada", "key": "ada"}],
        ["create", "people", BEN, {"name": "Ben", "key": "ben", "boss": ADA}],
        ["create", "tags", NEWS, {"word": "news"}],
    )
    for post, row in posts.items():
        instant.now += 1
        instant.transact(["create", "posts", post, row])
    return instant


def found(instant: Harness, where: Any = None, **options: Any) -> str:
    """The posts that a query finds, by their letters."""
    return "".join("abcd"[int(post["id"][-1])] for post in instant.find("posts", where, **options))


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, "abcd"),
        ({"n": 2.5}, "c"),
        ({"title": "Alpha", "n": 1}, "a"),
        ({"free": 1}, "c"),
        ({"free": "1"}, "b"),
        ({"free": True}, ""),
        ({"n": {"$in": []}}, ""),
        ({"n": {"$in": [1, None]}}, "ad"),
        ({"plain": {"$isNull": True}}, "cd"),
        ({"author": {"$isNull": False}}, "ab"),
        ({"n": {"$gte": 2, "$lt": 2}}, "bc"),  # only the first operator counts
        ({"and": [{"n": {"$gte": 2}}, {"n": {"$lt": 2.5}}]}, "b"),
        ({"or": [{"d": {"$lt": "2026-01-02"}}, {"plain": "no"}]}, "ab"),
        ({"or": [{"and": [{"n": 1}, {"done": True}]}, {"n": 2.5}]}, "ac"),
        ({"title": {"$like": r"%\_\%"}}, "c"),
        ({"title": {"$gt": "Gamma_%"}}, "b"),
        ({"d": {"$gt": "2026-01-01T12:00:00Z"}}, "b"),
        ({"d": {"$lt": 1_767_300_000_000}}, "a"),
        ({"d": "2026-01-02"}, "b"),
        ({"done": {"$gt": False}}, "a"),
        ({"id": {"$in": [B, new_id()]}}, "b"),
        ({"id": {"$isNull": False}}, "abcd"),
        ({"author.id": ADA}, "a"),
        ({"author": {"$in": [ADA]}}, "a"),
        ({"author.key": "ben"}, "b"),
        ({"author.boss.name": "Ada"}, "b"),
        ({"author.reports.name": "Ben"}, "a"),
        ({"author.name": {"$not": "Ada"}}, "bcd"),
        ({"author.boss": {"$isNull": True}}, "acd"),
        ({"tags.word": "news", "n": 1}, "a"),
        ({"author.nothing": 1}, ""),
        ({"or": [{"n": 1}, {"nothing": 1}]}, ""),
    ],
)
def test_where(blog: Harness, where: Any, expected: str) -> None:
    assert found(blog, where) == expected


def test_text_is_not_taken_for_the_list_or_the_number_that_it_spells(instant: Harness) -> None:
    for value in ([1], 1, {"a": 1}):
        instant.create("posts", free=value)
    for text in ("[1]", "1", '{"a":1}'):
        assert instant.find("posts", {"free": text}) == []


def test_ids_are_compared_as_text(instant: Harness) -> None:
    instant.transact(["create", "posts", "aaaaaaaa-0000-4000-8000-000000000003", {}])
    assert instant.find("posts", {"id": "AAAAAAAA-0000-4000-8000-000000000003"}) == []


@pytest.mark.parametrize(
    "where",
    [
        {"n": "1"},
        {"n": {"$gt": "1"}},
        {"plain": {"$gt": "a"}},  # not indexed
        {"free": {"$gt": 1}},  # no type
        {"n": {"$like": "1%"}},
        {"plain": {"$in": [None]}},
        {"author": "not a uuid"},
        {"or": []},
        [],
    ],
)
def test_a_condition_that_cannot_be_is_refused(blog: Harness, where: Any) -> None:
    with refused("validation-failed", {"data-type": "query"}):
        blog.find("posts", where)


@pytest.mark.parametrize("value", [None, {"$near": 1}, {}])
def test_a_value_that_cannot_be_read_is_refused_in_another_form(blog: Harness, value: Any) -> None:
    with refused("validation-failed", {"data-type": "coerced-query"}) as caught:
        blog.find("posts", {"n": value})
    assert caught.value.hint["input"][0]["option-map"] == {"where-conds": [[["n"], value]]}
    (complaint,) = caught.value.hint["errors"]
    assert complaint["in"] == [0, "option-map", "where-conds", 0, 1]


def test_the_default_order_is_that_of_creation_with_the_id_as_tie_break(instant: Harness) -> None:
    instant.transact(["create", "posts", C, {}], ["create", "posts", B, {}])
    instant.now += 1
    instant.transact(["create", "posts", A, {}])
    assert found(instant) == "bca"
    assert found(instant, order={"serverCreatedAt": "desc"}) == "acb"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"order": {"d": "desc"}}, "badc"),
        ({"order": {"title": "asc"}, "limit": 2}, "da"),
        ({"order": {"n": "asc"}, "where": {"n": {"$gt": 1}}}, "bc"),
        ({"order": {"n": "desc"}, "where": {"author.name": {"$in": ["Ada", "Ben"]}}}, "ba"),
        ({"order": {"n": "desc"}, "limit": 1, "offset": 1}, "b"),
        ({"order": {"n": "desc"}, "last": 1}, "d"),
        ({"first": 2}, "ab"),
        ({"last": 2}, "cd"),
    ],
)
def test_order_and_pages(blog: Harness, options: Any, expected: str) -> None:
    assert found(blog, options.pop("where", None), **options) == expected


@pytest.mark.parametrize(
    "options",
    [
        {"order": {"free": "asc"}},
        {"order": {"nothing": "asc"}},
        {"order": {"author": "asc"}},
        {"order": {"n": "up"}},
        {"order": {"n": "asc", "title": "asc"}},
        {"limit": 1, "first": 1},
        {"offset": -1},
        {"limit": True},
        {"fields": "n"},
        {"aggregate": "sum"},
        {"page": 1},
        {"after": [1, 2]},
    ],
)
def test_options_that_cannot_be_are_refused(blog: Harness, options: Any) -> None:
    with refused("validation-failed"):
        blog.query({"posts": {"$": options}})


def test_a_cursor_goes_on_where_a_page_ended(blog: Harness) -> None:
    cursor = [B, blog.schema()["blobs"]["posts"]["n"]["id"], 2, 0]
    assert found(blog, order={"n": "asc"}, after=cursor) == "c"
    assert found(blog, order={"n": "asc"}, after=cursor, afterInclusive=True) == "bc"
    assert found(blog, order={"n": "asc"}, before=cursor) == "da"
    with refused("validation-failed", said="cursor"):
        found(blog, order={"title": "asc"}, after=cursor)


def test_nested_limit_is_ignored_nested_paging_refused_and_nested_order_unchecked(blog: Harness) -> None:
    blog.transact(*(["link", "posts", post, {"author": ADA}] for post in (B, D)))

    def posts_of_ada(**options: Any) -> list[Any]:
        nested = {"people": {"$": {"where": {"name": "Ada"}}, "posts": {"$": options}}}
        return [post.get("plain") for post in blog.query(nested)["people"][0]["posts"]]

    assert posts_of_ada(limit=1, order={"plain": "desc"}) == ["yes", "no", None]
    with refused("validation-failed", said="top level"):
        posts_of_ada(offset=1)


def test_an_aggregate_over_http_is_an_empty_list(blog: Harness) -> None:
    assert blog.query({"posts": {"$": {"aggregate": "count"}}}) == {"posts": []}


def test_absent_keys_nulls_of_indexed_attributes_and_ids_of_links(blog: Harness) -> None:
    (bare,) = blog.find("posts", {"id": D})
    assert bare == {"id": D, **dict.fromkeys(["title", "n", "d", "done"])}
    (linked,) = blog.find("posts", {"n": 1})
    assert linked["author"] == ADA
    assert "tags" not in linked


def test_links_are_lists_unless_inference_is_on(blog: Harness) -> None:
    children: dict[str, Any] = {name: {} for name in ("boss", "spouse", "spouseOf", "posts", "pet")}
    query = {"people": {"$": {"where": {"key": "ben"}}, **children}}
    plain = blog.query(query)["people"][0]
    assert [plain["boss"][0]["name"], plain["spouse"], plain["spouseOf"], plain["pet"]] == ["Ada", [], [], []]
    inferred = blog.query(query, inference=True)["people"][0]
    assert inferred["boss"]["name"] == "Ada"
    assert [inferred["spouse"], inferred["spouseOf"], inferred["pet"]] == [None, None, []]
    assert [post["n"] for post in inferred["posts"]] == [2]


def test_a_nested_condition_filters_what_hangs_below_and_nothing_above(blog: Harness) -> None:
    people = blog.query({"people": {"posts": {"$": {"where": {"n": 1}}, "tags": {}}}})["people"]
    assert [[post["n"] for post in person["posts"]] for person in people] == [[1], []]
    assert people[0]["posts"][0]["tags"][0]["word"] == "news"


def test_fields_choose_and_unknown_ones_are_dropped(blog: Harness) -> None:
    assert blog.find("posts", {"n": 1}, fields=["title", "nothing"]) == [{"id": A, "title": "Alpha"}]


def test_every_name_that_was_asked_for_is_answered(blog: Harness) -> None:
    answer = blog.query({"nothing": {"below": {}}, "posts": {"$": {"limit": 1}, "nothing": {}}})
    assert answer["nothing"] == answer["posts"][0]["nothing"] == []


@pytest.mark.parametrize("word", ["and", "or"])
def test_a_list_of_conditions_that_are_none_breaks_the_server(instant: Harness, word: str) -> None:
    instant.create("posts")
    with refused("unknown", status=500) as caught:
        instant.find("posts", {word: [1]})
    assert set(caught.value.hint) == {"debug-uri"}


def test_large_integers_are_exact_and_a_dangling_link_leads_to_an_empty_entity(instant: Harness) -> None:
    post = instant.create("posts", big=2**70, small=-(2**53) - 1)
    assert instant.find("posts", {"big": 2**70})[0]["small"] == -(2**53) - 1
    instant.transact(["link", "posts", post, {"authors": new_id()}])

    def authors(children: Any, headers: Any = None) -> Any:
        return instant.query({"posts": {"authors": children}}, headers=headers)["posts"][0]["authors"]

    assert authors({}) == [{}]
    assert authors({}, GUEST) == []
    assert authors({"$": {"where": {"posts.big": 1}}}) == []
