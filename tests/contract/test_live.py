"""Live queries, through each client."""

import threading
from typing import Any
from uuid import uuid4

from tests.contract.clients import GUEST, WAIT_S, ContractClient
from tests.sandbox.instant.process import Process


def new_id() -> str:
    return str(uuid4())


def test_a_subscription_tells_the_whole_answer_and_each_change_of_it(db: ContractClient) -> None:
    word, note = new_id(), new_id()
    query: dict[str, Any] = {"notes": {"$": {"where": {"text": word}}}}
    with db.watch(query) as trees:
        assert next(trees) == {"notes": []}
        db.transact([["create", "notes", new_id(), {"key": new_id(), "text": "another"}]])
        db.transact([["create", "notes", note, {"key": note, "text": word}]])
        # A tree may be told once more after a write elsewhere.
        news = (tree for tree in trees if tree["notes"])
        assert next(news) == {"notes": [{"id": note, "key": note, "text": word}]}
        db.transact([["delete", "notes", note]])
        assert next(tree for tree in trees if not tree["notes"]) == {"notes": []}


def test_a_subscription_sees_what_its_member_may_see(db: ContractClient) -> None:
    note = new_id()
    token = db.create_token(f"ada-{new_id()}@example.com")
    owner = db.whose(token)
    query: dict[str, Any] = {"notes": {"$": {"where": {"id": note}}}}
    with db.watch(query, {"token": token}) as mine, db.watch(query, GUEST) as theirs:
        assert (next(mine), next(theirs)) == ({"notes": []}, {"notes": []})
        db.transact([["create", "notes", note, {"key": note}], ["link", "notes", note, {"owner": owner}]])
        assert [row["id"] for row in next(tree["notes"] for tree in mine if tree["notes"])] == [note]


# Ours alone


def test_closing_ends_a_subscription_at_once_in_whatever_thread_it_waits(served: Process) -> None:
    trees = served.admin().subscribe_query({"books": {}})
    next(trees)
    rest: list[Any] = []
    reader = threading.Thread(target=lambda: rest.extend(trees))
    reader.start()
    trees.close()
    reader.join(WAIT_S)
    assert not reader.is_alive()
    assert rest == []
