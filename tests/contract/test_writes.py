"""Writing, through each client."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.contract.clients import ContractClient, Refused

Step = Callable[[str], list[Any]]  # about a note
INVALID = "validation-failed"


def new_id() -> str:
    return str(uuid4())


def lookup(attribute: str, value: str) -> str:
    """An entity named by a unique attribute instead of its id."""
    return f'lookup__{attribute}__"{value}"'


def note_of(db: ContractClient, note: str, **children: Any) -> dict[str, Any] | None:
    found = db.query({"notes": {"$": {"where": {"id": note}}, **children}})["notes"]
    return found[0] if found else None


def made(db: ContractClient, **values: Any) -> str:
    note = new_id()
    db.transact([["create", "notes", note, {"key": note, **values}]])
    return note


def test_create_update_merge_and_delete(db: ContractClient) -> None:
    note = made(db, text="a", meta={"a": 1, "b": {"c": [1]}})
    db.transact([["update", "notes", note, {"text": "b"}]])
    db.transact([["merge", "notes", note, {"meta": {"a": None, "b": {"d": 2}}, "stars": 3}]])
    meta = {"b": {"c": [1], "d": 2}}
    assert note_of(db, note) == {"id": note, "key": note, "text": "b", "stars": 3, "meta": meta}
    db.transact([["delete", "notes", note]])
    assert note_of(db, note) is None
    db.transact([["delete", "notes", note]])


def test_links_go_both_ways_and_come_off(db: ContractClient) -> None:
    note, seal, other = made(db), new_id(), new_id()
    db.transact([["create", "seals", seal, {"color": "red"}], ["link", "seals", seal, {"note": note}]])
    assert (note_of(db, note, seal={}) or {})["seal"] == [{"id": seal, "color": "red", "note": note}]
    db.transact([["unlink", "notes", note, {"seal": seal}]])
    assert (note_of(db, note, seal={}) or {})["seal"] == []
    db.transact([["create", "seals", other, {}], ["link", "notes", note, {"seal": other}]])
    assert [each["id"] for each in (note_of(db, note, seal={}) or {})["seal"]] == [other]


def test_a_lookup_names_what_is_there_and_makes_what_is_not(db: ContractClient) -> None:
    note = made(db)
    fresh = new_id()
    db.transact([["update", "notes", lookup("key", note), {"text": "found"}]])
    db.transact([["update", "notes", lookup("key", fresh), {"text": "made"}]])
    assert (note_of(db, note) or {})["text"] == "found"
    (row,) = db.query({"notes": {"$": {"where": {"key": fresh}}}})["notes"]
    assert row["text"] == "made"
    db.transact([["delete", "notes", lookup("key", new_id())]])


def test_a_link_can_name_its_target_by_a_lookup(db: ContractClient) -> None:
    note, seal = made(db), new_id()
    db.transact([["create", "seals", seal, {}], ["link", "seals", seal, {"note": lookup("key", note)}]])
    assert db.query({"seals": {"$": {"where": {"id": seal}}}})["seals"][0]["note"] == note


def test_deleting_an_author_deletes_their_books(db: ContractClient) -> None:
    author, book = new_id(), new_id()
    db.transact(
        [
            ["create", "authors", author, {"name": author}],
            ["create", "books", book, {"title": "brief"}],
            ["link", "books", book, {"author": author}],
        ]
    )
    db.transact([["delete", "authors", author]])
    assert db.query({"books": {"$": {"where": {"id": book}}}}) == {"books": []}


def test_kinds_of_steps_run_in_groups(db: ContractClient) -> None:
    note = made(db)
    db.transact(
        [["update", "notes", note, {"text": "a"}], ["delete", "notes", note], ["update", "notes", note, {}]]
    )
    assert note_of(db, note) is None


# A step, the kind of the refusal, and what its hint names.
REFUSALS: list[tuple[Step, str, str]] = [
    (lambda note: ["create", "notes", note, {"key": new_id()}], INVALID, "tx-step"),  # over what is there
    (lambda note: ["update", "notes", new_id(), {"key": new_id()}, {"upsert": False}], INVALID, "tx-step"),
    (lambda note: ["create", "notes", new_id(), {"key": note}], "record-not-unique", "key"),
    (lambda note: ["create", "notes", new_id(), {}], INVALID, ""),  # a required value missing
    (lambda note: ["update", "notes", note, {"key": None}], INVALID, ""),  # a required value set to null
    (lambda note: ["update", "notes", note, {"stars": "five"}], INVALID, ""),  # a value of another type
    (lambda note: ["update", "notes", "note-1", {}], INVALID, "steps"),  # an id that is none
    (lambda note: ["merge", "seals", new_id(), {"note": note}], "sql-raise", ""),  # into a link
    (lambda note: ["link", "seals", new_id(), {"note": lookup("key", new_id())}], INVALID, ""),  # to nothing
]


@pytest.mark.parametrize(("step", "kind", "named"), REFUSALS)
def test_what_is_refused_says_why_and_writes_nothing(
    db: ContractClient, step: Step, kind: str, named: str
) -> None:
    note, witness = made(db, text="untouched"), new_id()
    with pytest.raises(Refused) as refused:
        db.transact([["create", "notes", witness, {"key": witness}], step(note)])
    assert (refused.value.status, refused.value.kind) == (400, kind)
    assert named in ("", refused.value.data_type, refused.value.label)
    assert note_of(db, witness) is None
    assert note_of(db, note) == {"id": note, "key": note, "text": "untouched"}


def test_only_our_client_refuses_names_that_the_schema_lacks(db: ContractClient) -> None:
    note, name = new_id(), f"typo{uuid4().hex[:8]}"
    steps = [["create", "notes", note, {"key": note, name: 1}]]
    if db.name == "instant_admin":
        with pytest.raises(Refused) as refused:
            db.transact(steps)
        assert refused.value.data_type == "steps"
        assert note_of(db, note) is None
    else:
        db.transact(steps)
        assert (note_of(db, note) or {})[name] == 1
