"""Out of one app, into another: again and again, after a crash, and from a list of emails."""

from __future__ import annotations

import json
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from instant_admin.client.errors import InstantBroken, InstantBusy
from instant_admin.client.steps import create, delete, link, update
from instant_admin.ledger.entries import NoSuchAccount
from instant_admin.ledger.forgetting import forget_person
from instant_admin.ledger.movements import Purchase, Spend
from instant_admin.ledger.rules import Kind
from instant_admin.ledger.store import BalanceStore
from instant_admin.moving.export import export
from instant_admin.moving.load import AppInUse, Import
from instant_admin.moving.rows import Sums, lines_in, namespaces_of
from sandbox.serving import Request, Response
from tests.drivers.instant import DOCUMENTS, LoopbackInstant, Work

pytestmark = pytest.mark.slow

NAMESPACES = namespaces_of(DOCUMENTS.schema)


class Shop:
    """An app in use, with a member who has bought and spends."""

    def __init__(self) -> None:
        self.loopback = LoopbackInstant()
        self.instant = self.loopback.admin
        self.store = BalanceStore(self.instant)
        self.ada, _ = self.loopback.member()
        self._numbers = count(1)
        self.store.post(self.ada, Purchase(key="purchase:cs_1", credits=20, ref="cs_1", note="ten and ten"))

    def write(self) -> UUID:
        """Spend a credit on a haiku."""
        self.loopback.now += 1

        def steps(row_id: UUID) -> list[Any]:
            row = {"topic": "rain", "content": "a\nb\nc", "createdAt": int(self.loopback.now * 1000)}
            return [create("haikus", row_id, row), link("haikus", row_id, {"author": self.ada})]

        number = next(self._numbers)
        spend = Spend(key=f"spend:{number}", price=1, note="rain", product="haiku")
        return UUID(self.store.post(self.ada, spend, steps=steps).entry.ref)


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    for _ in range(3):
        shop.write()
    return shop


@pytest.fixture
def empty() -> LoopbackInstant:
    """The app to move into."""
    return LoopbackInstant(app_id=str(uuid4()))


def out_of(shop: Shop, folder: Path) -> Sums:
    return export(shop.instant, folder, NAMESPACES, looked_at=lambda: None)


def into(loopback: LoopbackInstant, folder: Path) -> tuple[Sums, list[str]]:
    """What is there afterwards, and how that differs."""
    with closing(Import(loopback.admin, folder, NAMESPACES)) as moving:
        moving.load(looked_at=lambda: None)
        sums = Sums()
        return sums, list(moving.differences(sums, looked_at=lambda: None))


def all_of(loopback: LoopbackInstant) -> dict[str, list[str]]:
    tree = loopback.admin.query({each.name: {} for each in NAMESPACES})
    return {
        each.name: sorted(json.dumps(each.line_of(row), sort_keys=True) for row in tree[each.name])
        for each in NAMESPACES
    }


def test_what_is_moved_again_and_again_is_the_same_in_the_end(
    shop: Shop, empty: LoopbackInstant, tmp_path: Path
) -> None:
    first = shop.write()
    out_of(shop, tmp_path)
    into(empty, tmp_path)
    # Meanwhile the old one is in use: spent, changed, deleted, forgotten, joined.
    for _ in range(2):
        shop.write()
    shop.instant.transact([delete("haikus", first)])
    shop.instant.transact([update("$users", shop.ada, {"stripeCustomerId": "cus_1"})])
    shop.loopback.member("grace@example.com")
    sums = out_of(shop, tmp_path)
    moved, differences = into(empty, tmp_path)
    assert differences == []
    assert all_of(empty) == all_of(shop.loopback)
    assert str(moved) == str(sums)
    assert str(sums) == "2 members with 14 credits and 0 held, 7 ledger entries that add up to 14, 5 haikus"


def test_the_ledger_goes_on_where_it_was(shop: Shop, empty: LoopbackInstant, tmp_path: Path) -> None:
    out_of(shop, tmp_path)
    into(empty, tmp_path)
    store = BalanceStore(empty.admin)
    replayed = store.post(shop.ada, Purchase(key="purchase:cs_1", credits=20, ref="cs_1", note="ten and ten"))
    assert (replayed.replayed, replayed.credits) == (True, 17)
    assert store.post(shop.ada, Spend(key="spend:new", price=1)).entry.seq == 5


def test_what_a_crash_has_cut_off_is_finished_by_the_next_time(
    shop: Shop, empty: LoopbackInstant, tmp_path: Path
) -> None:
    out_of(shop, tmp_path)
    ledger = tmp_path / "creditEntries.jsonl"
    ledger.write_bytes(ledger.read_bytes()[:-40])
    assert out_of(shop, tmp_path).rows["creditEntries"] == 4
    # Each answer to a write is lost, so that all of it is there and none of it is remembered.
    lost = empty.client(losing_writes)
    with closing(Import(lost, tmp_path, NAMESPACES)) as moving, pytest.raises(InstantBroken):
        moving.load(looked_at=lambda: None)
    assert into(empty, tmp_path)[1] == []


def losing_writes(request: Request, work: Work) -> Response:
    answer = work()
    return (
        Response.json({"type": "sql-exception"}, status=500) if request.path == "/admin/transact" else answer
    )


def test_who_has_left_meanwhile_leaves_no_words_in_the_new_app(
    shop: Shop, empty: LoopbackInstant, tmp_path: Path
) -> None:
    out_of(shop, tmp_path)
    into(empty, tmp_path)
    forget_person(shop.instant, shop.ada)
    shop.instant.delete_user(user_id=shop.ada)
    out_of(shop, tmp_path)
    assert into(empty, tmp_path)[1] == []
    assert all_of(empty) == all_of(shop.loopback)
    assert len(all_of(empty)["creditEntries"]) == 4
    assert "rain" not in str(all_of(empty))


def test_nobody_is_moved_on_top_of_others(shop: Shop, empty: LoopbackInstant, tmp_path: Path) -> None:
    out_of(shop, tmp_path)
    empty.member("grace@example.com")
    with pytest.raises(AppInUse, match="has members already"):
        into(empty, tmp_path)


def test_what_was_changed_in_the_new_app_is_named(shop: Shop, empty: LoopbackInstant, tmp_path: Path) -> None:
    haiku = shop.write()
    out_of(shop, tmp_path)
    into(empty, tmp_path)
    empty.admin.transact([update("$users", shop.ada, {"credits": 1_000}), delete("haikus", haiku)])
    empty.member("grace@example.com")
    differences = into(empty, tmp_path)[1]
    assert sorted(text.rpartition(" is ")[2] for text in differences) == [
        "not as it was exported",  # Ada
        "not as it was exported",  # Grace, who never was
        "not there",
    ]


def test_a_list_of_emails_and_credits_is_an_app_without_a_ledger(
    empty: LoopbackInstant, tmp_path: Path
) -> None:
    people = [{"email": "ada@example.com", "credits": 7}, {"email": "grace@example.com", "credits": 0}]
    (tmp_path / "members.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in people))
    for _ in range(2):
        sums, differences = into(empty, tmp_path)
    assert (str(sums).partition(",")[0], differences) == ("2 members with 7 credits and 0 held", [])
    ada = UUID(empty.admin.create_token(email="ada@example.com")["user"]["id"])
    store = BalanceStore(empty.admin)
    assert store.post(ada, Spend(key="spend:1", price=1)).credits == 6
    kinds = [row["kind"] for row in empty.admin.query({"creditEntries": {}})["creditEntries"]]
    assert sorted(kinds) == [Kind.OPENING, Kind.SPEND]


def test_a_frozen_app_is_read_and_not_written(shop: Shop) -> None:
    frozen = shop.loopback.client(read_only=True)
    assert frozen.query({"haikus": {}})["haikus"]
    store = BalanceStore(frozen)
    for write in (
        lambda: frozen.transact([update("$users", shop.ada, {"credits": 1})]),
        lambda: frozen.create_token(email="eve@example.com"),
        lambda: frozen.as_member("a token").transact([]),
    ):
        with pytest.raises(InstantBusy, match="read-only") as refused:
            write()
        assert refused.value.refusal.retry_after_s == 60
    with pytest.raises(Exception, match="nothing was written"):
        store.post(shop.ada, Spend(key="spend:frozen", price=1))
    with pytest.raises(NoSuchAccount):
        store.post(uuid4(), Spend(key="spend:nobody", price=1))


@pytest.mark.parametrize("line", ["{", "[]"])
def test_a_line_that_was_spoilt_is_named_with_its_file(tmp_path: Path, line: str) -> None:
    file = tmp_path / "members.jsonl"
    file.write_text(f'{{"email": "ada@example.com"}}\n{line}\n')
    with pytest.raises(ValueError, match=r"members\.jsonl, line 2: not a JSON object"):
        list(lines_in(file))
