from typing import Any

import pytest

from tests.sandbox.instant.harness import GUEST, Harness, Refused, attrs, link, new_id

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


@pytest.fixture
def blog(instant: Harness) -> Harness:
    """Four posts, the last of them bare, by Ada and Ben; Ben's boss is Ada."""
    instant.push(SCHEMA)
    ids = {name: f"00000000-0000-4000-8000-00000000000{n}" for n, name in enumerate("abcdpq")}
    posts = {
        "a": {"title": "Alpha", "n": 1, "d": "2026-01-01", "done": True, "free": {"x": 1}, "plain": "yes"},
        "b": {"title": "beta", "n": 2, "d": 1_767_312_000_000, "done": False, "free": "1", "plain": "no"},
        "c": {"title": "Gamma_%", "n": 2.5, "d": None, "done": None, "free": 1, "plain": None},
        "d": {},
    }
    tag = new_id()
    people = {"p": {"name": "Ada", "key": "ada"}, "q": {"name": "Ben", "key": "ben"}}
    instant.transact(*(["create", "people", ids[key], row] for key, row in people.items()))
    instant.transact(
        ["create", "tags", tag, {"word": "news"}], ["link", "people", ids["q"], {"boss": ids["p"]}]
    )
    for key, row in posts.items():
        instant.now += 1
        instant.transact(["create", "posts", ids[key], row])
    instant.transact(
        ["link", "posts", ids["a"], {"author": ids["p"], "tags": tag}],
        ["link", "posts", ids["b"], {"author": ids["q"], "tags": tag}],
    )
    return instant


def found(instant: Harness, where: Any, **options: Any) -> str:
    """The posts that a condition finds, by the last letter of their id: a, b, c, d."""
    return "".join("abcd"[int(post["id"][-1])] for post in instant.find("posts", where, **options))


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, "abcd"),
        ({"n": 2}, "b"),
        ({"n": 2.5}, "c"),
        ({"title": "Alpha", "n": 1}, "a"),
        ({"title": "Alpha", "n": 2}, ""),
        ({"done": False}, "b"),
        ({"free": 1}, "c"),
        ({"free": "1"}, "b"),
        ({"free": True}, ""),
        ({"n": {"$in": [1, 2, 9]}}, "ab"),
        ({"n": {"in": [1]}}, "a"),
        ({"n": {"$in": []}}, ""),
        ({"n": {"$in": [1, None]}}, "ad"),
        ({"n": {"$not": 2}}, "acd"),
        ({"plain": {"$ne": "yes"}}, "bcd"),
        ({"plain": {"$isNull": True}}, "cd"),
        ({"plain": {"$isNull": False}}, "ab"),
        ({"author": {"$isNull": True}}, "cd"),
        ({"author": {"$isNull": False}}, "ab"),
        ({"n": {"$gt": 1}}, "bc"),
        ({"n": {"$gte": 2}}, "bc"),
        ({"n": {"$lt": 2.5}}, "ab"),
        ({"n": {"$lte": 2.5}}, "abc"),
        ({"n": {"$gte": 2, "$lt": 2}}, "bc"),  # only the first operator counts
        ({"and": [{"n": {"$gte": 2}}, {"n": {"$lt": 2.5}}]}, "b"),
        ({"or": [{"n": 1}, {"title": "beta"}]}, "ab"),
        ({"or": [{"d": {"$lt": "2026-01-02"}}, {"plain": "no"}]}, "ab"),
        ({"or": [{"and": [{"n": 1}, {"done": True}]}, {"n": 2.5}]}, "ac"),
        ({"title": {"$like": "%a"}}, "ab"),
        ({"title": {"$like": "A____"}}, "a"),
        ({"title": {"$like": r"%\_\%"}}, "c"),
        ({"title": {"$ilike": "BETA"}}, "b"),
        ({"title": {"$gt": "Gamma_%"}}, "b"),
        ({"d": {"$gt": "2026-01-01T12:00:00Z"}}, "b"),
        ({"d": {"$lt": 1_767_300_000_000}}, "a"),
        ({"d": "2026-01-02"}, "b"),
        ({"done": {"$gt": False}}, "a"),
        ({"id": "00000000-0000-4000-8000-000000000001"}, "b"),
        ({"id": {"$in": ["00000000-0000-4000-8000-000000000001", new_id()]}}, "b"),
        ({"author": "00000000-0000-4000-8000-000000000004"}, "a"),
        ({"author.id": "00000000-0000-4000-8000-000000000004"}, "a"),
        ({"author.name": "Ben"}, "b"),
        ({"author.key": "ben"}, "b"),
        ({"author.boss.name": "Ada"}, "b"),
        ({"author.reports.name": "Ben"}, "a"),
        ({"author.name": {"$not": "Ada"}}, "bcd"),
        ({"author.boss": {"$isNull": True}}, "acd"),
        ({"tags.word": "news", "n": 1}, "a"),
        ({"author": {"$in": ["00000000-0000-4000-8000-000000000004"]}}, "a"),
        ({"nothing": 1}, ""),
        ({"author.nothing": 1}, ""),
        ({"or": [{"n": 1}, {"nothing": 1}]}, ""),
    ],
)
def test_where(blog: Harness, where: Any, expected: str) -> None:
    assert found(blog, where) == expected


def test_text_is_not_taken_for_the_list_or_the_number_that_it_spells(instant: Harness) -> None:
    instant.transact(*(["create", "posts", new_id(), {"free": value}] for value in ([1], 1, {"a": 1})))
    for text in ("[1]", "1", '{"a":1}'):
        assert instant.find("posts", {"free": text}) == []


def test_ids_are_compared_as_text(blog: Harness) -> None:
    blog.transact(["create", "posts", "aaaaaaaa-0000-4000-8000-000000000003", {}])
    assert blog.find("posts", {"id": "AAAAAAAA-0000-4000-8000-000000000003"}) == []


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
    with pytest.raises(Refused) as refused:
        blog.find("posts", where)
    assert refused.value.kind == "validation-failed"
    assert refused.value.hint["data-type"] == "query"


@pytest.mark.parametrize("value", [None, {"$near": 1}, {}])
def test_a_value_that_cannot_be_read_is_refused_in_another_form(blog: Harness, value: Any) -> None:
    with pytest.raises(Refused) as refused:
        blog.find("posts", {"n": value})
    assert refused.value.hint["data-type"] == "coerced-query"
    assert refused.value.hint["input"][0]["option-map"] == {"where-conds": [[["n"], value]]}
    (complaint,) = refused.value.hint["errors"]
    assert complaint["in"] == [0, "option-map", "where-conds", 0, 1]


def test_the_default_order_is_that_of_creation_with_the_id_as_tie_break(instant: Harness) -> None:
    late, early = sorted([new_id(), new_id(), new_id()])[:2][::-1]
    instant.transact(["create", "posts", late, {}], ["create", "posts", early, {}])
    instant.now += 1
    first = "00000000-0000-4000-8000-000000000000"
    instant.transact(["create", "posts", first, {}])
    assert [post["id"] for post in instant.find("posts")] == [early, late, first]
    backwards = instant.find("posts", order={"serverCreatedAt": "desc"})
    assert [post["id"] for post in backwards] == [first, late, early]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"order": {"n": "asc"}}, "dabc"),
        ({"order": {"n": "desc"}}, "cbad"),
        ({"order": {"d": "desc"}}, "badc"[:2] + "dc"),
        ({"order": {"title": "asc"}, "limit": 2}, "da"),
        ({"order": {"n": "asc"}, "where": {"n": {"$gt": 1}}}, "bc"),
        ({"order": {"n": "desc"}, "where": {"author.name": {"$in": ["Ada", "Ben"]}}}, "ba"),
        ({"limit": 2}, "ab"),
        ({"first": 2}, "ab"),
        ({"last": 2}, "cd"),
        ({"limit": 2, "offset": 1}, "bc"),
        ({"order": {"n": "desc"}, "limit": 1, "offset": 1}, "b"),
        ({"order": {"n": "desc"}, "last": 1}, "d"),
    ],
)
def test_order_and_pages(blog: Harness, options: Any, expected: str) -> None:
    assert found(blog, options.pop("where", None), **options) == expected


@pytest.mark.parametrize(
    "options",
    [
        {"order": {"plain": "asc"}},
        {"order": {"free": "asc"}},
        {"order": {"nothing": "asc"}},
        {"order": {"author": "asc"}},
        {"order": {"n": "up"}},
        {"order": {"n": "asc", "title": "asc"}},
        {"limit": 0},
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
    with pytest.raises(Refused, match="validation-failed"):
        blog.query({"posts": {"$": options}})


def test_a_cursor_goes_on_where_a_page_ended(blog: Harness) -> None:
    attr = blog.call("GET", "/admin/schema")["schema"]["blobs"]["posts"]["n"]["id"]
    cursor = ["00000000-0000-4000-8000-000000000001", attr, 2, 0]
    assert found(blog, None, order={"n": "asc"}, after=cursor) == "c"
    assert found(blog, None, order={"n": "asc"}, after=cursor, afterInclusive=True) == "bc"
    assert found(blog, None, order={"n": "asc"}, before=cursor) == "da"
    with pytest.raises(Refused, match="cursor"):
        found(blog, None, order={"title": "asc"}, after=cursor)


def test_nested_limit_is_ignored_nested_paging_refused_and_nested_order_unchecked(blog: Harness) -> None:
    nested = {
        "people": {"$": {"where": {"name": "Ada"}}, "posts": {"$": {"limit": 1, "order": {"plain": "desc"}}}}
    }
    ada = "00000000-0000-4000-8000-000000000004"
    blog.transact(
        *(["link", "posts", f"00000000-0000-4000-8000-00000000000{n}", {"author": ada}] for n in (1, 3))
    )
    posts = blog.query(nested)["people"][0]["posts"]
    assert [post.get("plain") for post in posts] == ["yes", "no", None]
    nested["people"]["posts"] = {"$": {"offset": 1}}
    with pytest.raises(Refused, match="top level"):
        blog.query(nested)


def test_an_aggregate_over_http_is_an_empty_list(blog: Harness) -> None:
    assert blog.query({"posts": {"$": {"aggregate": "count"}}}) == {"posts": []}


def test_absent_keys_nulls_of_indexed_attributes_and_ids_of_links(blog: Harness) -> None:
    bare = blog.find("posts", {"id": "00000000-0000-4000-8000-000000000003"})[0]
    nulls = dict.fromkeys(["title", "n", "d", "done"])
    assert bare == {"id": "00000000-0000-4000-8000-000000000003", **nulls}
    linked = blog.find("posts", {"n": 1})[0]
    assert linked["author"] == "00000000-0000-4000-8000-000000000004"
    assert "tags" not in linked


def test_links_are_lists_unless_inference_is_on(blog: Harness) -> None:
    query: dict[str, Any] = {
        "people": {
            "$": {"where": {"key": "ben"}},
            "boss": {},
            "spouse": {},
            "spouseOf": {},
            "posts": {},
            "pet": {},
        }
    }
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
    posts = blog.find("posts", {"n": 1}, fields=["title", "nothing"])
    assert posts == [{"id": "00000000-0000-4000-8000-000000000000", "title": "Alpha"}]


def test_every_name_that_was_asked_for_is_answered(blog: Harness) -> None:
    answer = blog.query({"nothing": {"below": {}}, "posts": {"$": {"limit": 1}, "nothing": {}}})
    assert answer["nothing"] == []
    assert answer["posts"][0]["nothing"] == []


@pytest.mark.parametrize("word", ["and", "or"])
def test_a_list_of_conditions_that_are_none_breaks_the_server(instant: Harness, word: str) -> None:
    instant.transact(["create", "posts", new_id(), {}])
    with pytest.raises(Refused) as refused:
        instant.find("posts", {word: [1]})
    assert (refused.value.status, refused.value.kind) == (500, "unknown")
    assert set(refused.value.hint) == {"debug-uri"}


def test_large_integers_are_exact_and_a_dangling_link_leads_to_an_empty_entity(instant: Harness) -> None:
    post, nobody = new_id(), new_id()
    instant.transact(["create", "posts", post, {"big": 2**70, "small": -(2**53) - 1}])
    assert instant.find("posts", {"big": 2**70})[0]["small"] == -(2**53) - 1
    instant.transact(["link", "posts", post, {"authors": nobody}])
    assert instant.query({"posts": {"authors": {}}})["posts"][0]["authors"] == [{}]
    assert instant.query({"posts": {"authors": {}}}, headers=GUEST)["posts"][0]["authors"] == []
    where = {"$": {"where": {"posts.big": 1}}}
    assert instant.query({"posts": {"authors": where}})["posts"][0]["authors"] == []
