"""A product that takes time, fails, and costs by measure: held, sung, captured."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from accounts.members import Member
from billing import products
from billing.audit.run import Audit
from billing.products import register
from billing.spending import HeldBefore, OutOfCredits
from instant_admin.ledger.movements import Reset
from tests.couplets import slow
from tests.couplets.slow import BALLAD, sing_ballad
from tests.drivers.site import LoopbackSite, opened

SCHEMA = json.loads(Path(slow.__file__).with_name("instant.json").read_text())


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackSite]:
    monkeypatch.setattr(products, "_registered", {})
    register(BALLAD)
    with opened() as shop:
        shop.admin.push_schema(SCHEMA)
        yield shop


@pytest.fixture
def ada(shop: LoopbackSite) -> Member:
    return shop.member(credits=10)


def test_it_costs_what_was_sung_and_is_sung_once(shop: LoopbackSite, ada: Member) -> None:
    request_id = uuid4()
    assert sing_ballad(ada, "rain", request_id, iter(["a line"] * 9)).credits == 7
    with pytest.raises(HeldBefore):
        sing_ballad(ada, "rain", request_id, iter(["a line"]))
    (row,) = shop.admin.query({"couplets": {}})["couplets"]
    assert (row["text"].count("a line"), row["state"]) == (9, "done")
    assert (list(Audit().violations()), shop.credits(ada)) == ([], 7)


def test_a_poet_who_stops_in_the_middle_is_not_paid(shop: LoopbackSite, ada: Member) -> None:
    def stops() -> Iterator[str]:
        yield "a line"
        raise RuntimeError("hoarse")

    with pytest.raises(RuntimeError):
        sing_ballad(ada, "rain", uuid4(), stops())
    (row,) = shop.admin.query({"couplets": {}})["couplets"]
    assert (row["state"], row["draft"], shop.credits(ada)) == ("failed", "a line", 10)


def test_nothing_is_sung_for_who_cannot_pay_the_most(shop: LoopbackSite, ada: Member) -> None:
    shop.store.post(ada.id, Reset(key="reset:2", credits=4))
    with pytest.raises(OutOfCredits):
        sing_ballad(ada, "rain", uuid4(), iter(()))
