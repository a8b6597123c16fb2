"""Reading, through each client."""

from typing import Any

import pytest

from tests.contract.clients import ContractClient, Refused
from tests.contract.fixture_app import BOOK_IDS, WOOLF_ID

ORLANDO, WAVES, BAUDOLINO, UNWRITTEN = "Orlando", "The Waves", "Baudolino", "the unwritten"
ALL = [ORLANDO, WAVES, BAUDOLINO, UNWRITTEN]


@pytest.mark.parametrize(
    ("where", "titles"),
    [
        ({"title": ORLANDO}, [ORLANDO]),
        ({"lent": False}, [WAVES]),
        ({"pages": 324, "lent": True}, []),
        ({"title": {"$in": [ORLANDO, BAUDOLINO, "?"]}}, [ORLANDO, BAUDOLINO]),
        ({"title": {"in": [WAVES]}}, [WAVES]),
        ({"pages": {"$not": 333}}, [WAVES, BAUDOLINO, UNWRITTEN]),
        ({"pages": {"$ne": 333}}, [WAVES, BAUDOLINO, UNWRITTEN]),
        ({"lent": {"$isNull": True}}, [BAUDOLINO, UNWRITTEN]),
        ({"shelf": {"$isNull": False}}, [WAVES]),
        ({"author": {"$isNull": True}}, [UNWRITTEN]),
        ({"pages": {"$gt": 324}}, [ORLANDO, BAUDOLINO]),
        ({"pages": {"$gte": 324}}, [ORLANDO, WAVES, BAUDOLINO]),
        ({"pages": {"$lt": 333}}, [WAVES]),
        ({"pages": {"$lte": 333}}, [ORLANDO, WAVES]),
        ({"printed": {"$lt": "1970-01-01"}}, [ORLANDO]),
        ({"printed": {"$gt": 0}}, [BAUDOLINO]),
        ({"title": {"$like": "The%"}}, [WAVES]),
        ({"title": {"$ilike": "the%"}}, [WAVES, UNWRITTEN]),
        ({"title": {"$like": "_rlando"}}, [ORLANDO]),
        ({"or": [{"title": ORLANDO}, {"pages": {"$gt": 500}}]}, [ORLANDO, BAUDOLINO]),
        ({"and": [{"pages": {"$gt": 324}}, {"pages": {"$lt": 500}}]}, [ORLANDO]),
        ({"pages": {"$gt": 324, "$lt": 500}}, [ORLANDO, BAUDOLINO]),  # only the first operator counts
        ({"author.name": "Woolf"}, [ORLANDO, WAVES]),
        ({"author": WOOLF_ID}, [ORLANDO, WAVES]),
        ({"author.books.title": WAVES}, [ORLANDO, WAVES]),
        ({"id": BOOK_IDS[2]}, [BAUDOLINO]),
        ({"nobody": "knows"}, []),
    ],
)
def test_a_where_finds_what_it_says(db: ContractClient, where: Any, titles: list[str]) -> None:
    found = db.query({"books": {"$": {"where": where}}})["books"]
    assert [book["title"] for book in found] == titles


@pytest.mark.parametrize(
    ("options", "titles"),
    [
        ({}, ALL),
        ({"order": {"serverCreatedAt": "desc"}}, ALL[::-1]),
        ({"order": {"title": "asc"}}, [BAUDOLINO, ORLANDO, WAVES, UNWRITTEN]),
        ({"order": {"pages": "asc"}}, [UNWRITTEN, WAVES, ORLANDO, BAUDOLINO]),
        ({"order": {"pages": "desc"}}, [BAUDOLINO, ORLANDO, WAVES, UNWRITTEN]),
        ({"limit": 2}, ALL[:2]),
        ({"first": 1}, ALL[:1]),
        ({"last": 1}, ALL[-1:]),
        ({"limit": 2, "offset": 1}, ALL[1:3]),
        ({"limit": 1, "offset": 1, "order": {"pages": "desc"}}, [ORLANDO]),
    ],
)
def test_order_and_paging(db: ContractClient, options: Any, titles: list[str]) -> None:
    assert [book["title"] for book in db.query({"books": {"$": options}})["books"]] == titles


def test_links_are_lists_when_they_are_asked_for_and_an_id_when_they_are_not(db: ContractClient) -> None:
    query = {"books": {"$": {"where": {"title": ORLANDO}}, "author": {"books": {}}}}
    (book,) = db.query(query)["books"]
    (author,) = book["author"]
    assert author["name"] == "Woolf"
    assert [each["title"] for each in author["books"]] == [ORLANDO, WAVES]
    (bare,) = db.query({"books": {"$": {"where": {"title": ORLANDO}}}})["books"]
    assert bare["author"] == WOOLF_ID


def test_a_link_can_be_filtered_and_ordered_but_not_limited(db: ContractClient) -> None:
    inside = {"$": {"where": {"pages": {"$gt": 300}}, "order": {"pages": "asc"}, "limit": 1}}
    (author,) = db.query({"authors": {"$": {"where": {"name": "Woolf"}}, "books": inside}})["authors"]
    assert [book["title"] for book in author["books"]] == [WAVES, ORLANDO]


def test_fields_choose_and_the_id_is_always_there(db: ContractClient) -> None:
    query = {"books": {"$": {"fields": ["pages", "nonsense"], "where": {"title": ORLANDO}}}}
    assert db.query(query)["books"] == [{"id": BOOK_IDS[0], "pages": 333}]


def test_what_was_never_set_is_absent_or_null_when_it_is_indexed(db: ContractClient) -> None:
    (book,) = db.query({"books": {"$": {"where": {"title": UNWRITTEN}}}})["books"]
    assert book == {"id": BOOK_IDS[3], "title": UNWRITTEN, "pages": None, "lent": None, "printed": None}


def test_dates_come_back_as_they_were_written(db: ContractClient) -> None:
    found = db.query({"books": {"$": {"where": {"printed": {"$isNull": False}}}}})["books"]
    assert [book["printed"] for book in found] == ["1928-10-11", 974_000_000_000]


def test_unknown_names_are_empty(db: ContractClient) -> None:
    assert db.query({"nothing": {}, "authors": {"nobody": {}}})["nothing"] == []
    assert db.query({"authors": {"nobody": {}}})["authors"][0]["nobody"] == []


@pytest.mark.parametrize(
    "options",
    [
        {"where": {"title": None}},
        {"where": {"title": {"$shout": "x"}}},
        {"where": {"pages": "many"}},
        {"where": {"shelf": {"$gt": "a"}}},
        {"order": {"shelf": "asc"}},
        {"limit": 0},
        {"limit": 1, "last": 1},
    ],
)
def test_a_query_that_makes_no_sense_is_refused(db: ContractClient, options: Any) -> None:
    with pytest.raises(Refused) as refused:
        db.query({"books": {"$": options}})
    assert (refused.value.status, refused.value.kind) == (400, "validation-failed")
