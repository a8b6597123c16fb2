"""Permission rules, through each client, as a guest, the owner, another member and the admin."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.contract.clients import GUEST, ContractClient, Refused, Steps, Who


@dataclass(frozen=True)
class Scene:
    """A note, its owner and somebody else."""

    note: str
    owner_id: str
    owner: Who
    other: Who

    def who(self, name: str) -> Who:
        return {"guest": GUEST, "owner": self.owner, "other": self.other, "admin": None}[name]


def new_note(owner_id: str, **values: object) -> list[list[Any]]:
    """The steps that make one."""
    note = str(uuid4())
    return [["create", "notes", note, {"key": note, **values}], ["link", "notes", note, {"owner": owner_id}]]


@pytest.fixture
def scene(db: ContractClient) -> Scene:
    word = uuid4().hex
    ada, ben = f"ada-{word}@example.com", f"ben-{word}@example.com"
    token = db.create_token(ada)
    db.create_token(ben)
    owner_id = db.whose(token)
    steps = new_note(owner_id, text="a", stars=1)
    db.transact(steps)
    return Scene(steps[0][2], owner_id, owner={"token": token}, other={"email": ben})


CALLERS = ("guest", "owner", "other", "admin")


@pytest.mark.parametrize("caller", CALLERS)
def test_who_sees_a_note(db: ContractClient, scene: Scene, caller: str) -> None:
    found = db.query({"notes": {"$": {"where": {"id": scene.note}}}}, scene.who(caller))["notes"]
    assert bool(found) is (caller in ("owner", "admin"))


# Steps, and who may take them.
CHANGES: dict[str, tuple[Callable[[Scene], Steps], tuple[str, ...]]] = {
    "text": (lambda scene: [["update", "notes", scene.note, {"text": "b"}]], ("owner", "admin")),
    "stars": (lambda scene: [["update", "notes", scene.note, {"stars": 5}]], ("admin",)),
    "both": (lambda scene: [["update", "notes", scene.note, {"text": "c", "stars": 5}]], ("admin",)),
    "delete": (lambda scene: [["delete", "notes", scene.note]], ("admin",)),
    # Not even the owner: linking also asks the rules of `$users`, which are closed.
    "another of the owner's": (lambda scene: new_note(scene.owner_id), ("admin",)),
}


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("change", CHANGES)
def test_who_changes_what(db: ContractClient, scene: Scene, caller: str, change: str) -> None:
    steps, allowed = CHANGES[change]
    if caller in allowed:
        db.transact(steps(scene), scene.who(caller))
        return
    with pytest.raises(Refused) as refused:
        db.transact(steps(scene), scene.who(caller))
    assert (refused.value.status, refused.value.kind) == (400, "permission-denied")


def test_rule_params_travel_with_the_query_and_a_field_can_stay_hidden(
    db: ContractClient, scene: Scene
) -> None:
    query = {"notes": {"$": {"where": {"id": scene.note}}}}
    (row,) = db.query(query, GUEST, rule_params={"key": scene.note})["notes"]
    assert (row["text"], "stars" in row) == ("a", False)
    assert db.query(query, scene.owner)["notes"][0]["stars"] == 1


def test_new_attributes_need_leave(db: ContractClient, scene: Scene) -> None:
    with pytest.raises(Refused):
        db.transact([["update", "notes", scene.note, {f"x{uuid4().hex[:8]}": 1}]], scene.owner)


def test_an_unknown_member_is_refused(db: ContractClient) -> None:
    for who in ({"token": str(uuid4())}, {"email": "nobody@example.com"}):
        with pytest.raises(Refused) as refused:
            db.query({"notes": {}}, who)
        assert (refused.value.status, refused.value.kind) == (400, "record-not-found")


def test_a_query_is_tried_with_other_rules(db: ContractClient, scene: Scene) -> None:
    query = {"notes": {"$": {"where": {"id": scene.note}}}}
    tree, outcomes = db.check_query(query, scene.other, {"notes": {"allow": {"view": "data.stars == 1"}}})
    assert ([row["id"] for row in tree["notes"]], outcomes) == ([scene.note], [True])
    tree, outcomes = db.check_query(query, GUEST, None)
    # One outcome for the row, and one for each of its fields.
    assert (tree, set(outcomes)) == ({"notes": []}, {False})


def test_a_transaction_is_tried_and_undone(db: ContractClient, scene: Scene) -> None:
    steps = [["update", "notes", scene.note, {"text": "tried"}]]
    assert db.check_transact(steps, scene.owner, None) == (True, [True])
    assert db.check_transact(steps, scene.other, None) == (False, [False])
    assert db.query({"notes": {"$": {"where": {"id": scene.note}}}})["notes"][0]["text"] == "a"
