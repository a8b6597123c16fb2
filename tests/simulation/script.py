"""Who is in a history, what they do, and what they are told.

A history's script is a list of `Deed`s, drawn from the seed; each is an actor of its own (`actors.py`). A failing
script is shrunk by leaving deeds out.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from accounts.members import Member
from billing.spending import Allowance
from billing.staff.credits import Action
from tests.simulation.world import PACKS, PROCESSES, START, World

DAY_S: Final = 86_400.0
# How long after the beginning the first day ends.
MIDNIGHT_S: Final = -START % DAY_S
MEMBERS: Final = 3
WELCOME: Final = 2


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that one actor does. `options` are drawn beforehand, so that leaving out others changes nothing."""

    kind: str
    member: int
    delay: float
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        shown = ", ".join(f"{name} {value}" for name, value in self.options.items())
        return f"{self.kind} by or for member {self.member} after {self.delay:.0f} s ({shown})"


@dataclass(slots=True)
class Told:
    """What the site told somebody about one request: every answer in order, and what is done on which topic."""

    member: Member
    answers: list[str] = field(default_factory=list)
    # What was said of the balance to who was refused: when it was asked and told, and the credits.
    poor: list[tuple[float, float, int]] = field(default_factory=list)
    # What was said of the credits spent that day to who had none left of them, likewise.
    limited: list[tuple[float, float, int]] = field(default_factory=list)
    done: dict[UUID, str] = field(default_factory=dict)
    started: int = 0
    running: int = 0
    refused_after: int | None = None

    def begin(self) -> None:
        """Another attempt is under way."""
        self.started += 1
        self.running += 1

    def end(self, answer: str) -> None:
        """An attempt was answered."""
        self.running -= 1
        self.answers.append(answer)
        if answer == "not charged" and not self.running:
            self.refused_after = self.started

    @property
    def refused_for_good(self) -> bool:
        """Whether "not charged" was the last word: nobody was asking besides, and nobody asked again."""
        return self.refused_after == self.started


@dataclass(slots=True)
class Move:
    """What staff did with a balance: the key of its entry, what must be moved, why, and every answer."""

    member: Member
    key: str
    change: int | None
    left: int | None = None
    reason: str = "a reason"
    answers: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Work:
    """What the site told whoever worked for one request, by the row: captured with how many credits, or failed."""

    member: Member
    captured: dict[UUID, int] = field(default_factory=dict)
    failed: set[UUID] = field(default_factory=set)


@dataclass(slots=True)
class Cast:
    """The people of a history and what became of them."""

    world: World
    members: list[Member]
    opening: list[int]
    writes: dict[UUID, Told] = field(default_factory=dict)
    works: dict[UUID, Work] = field(default_factory=dict)
    # What each request of a key may spend.
    keyed: dict[UUID, Allowance] = field(default_factory=dict)
    credited: dict[str, Member] = field(default_factory=dict)
    deleted: set[UUID] = field(default_factory=set)
    moves: list[Move] = field(default_factory=list)
    # The numbers of the members who signed in, and were answered.
    arrived: set[int] = field(default_factory=set)
    # Checkouts whose metadata was edited before they were paid, and those that the last reconcile left for review.
    edited: set[str] = field(default_factory=set)
    # Checkouts that their buyers were told are withdrawn, and whether the money comes back.
    withdrawn: dict[str, bool] = field(default_factory=dict)
    left_for_review: set[str] = field(default_factory=set)
    # What was wrong with the customers of the checkouts that were started when all was over.
    wrong_buyers: list[str] = field(default_factory=list)
    # Who could not write when all was over.
    stuck: list[str] = field(default_factory=list)
    # Who was told that their account is deleted.
    left: set[UUID] = field(default_factory=set)


def draw_script(
    rng: random.Random, extras: random.Random, works: random.Random, keys: random.Random
) -> list[Deed]:
    """What happens in a history."""
    members = rng.randint(1, 3)
    deeds = [_draw_deed(rng, rng.randrange(members)) for _ in range(rng.randint(4, 12))]
    if extras.random() < 0.25:
        deeds = _with_extras(deeds, extras, extras.randrange(members))
    if works.random() < 0.4:
        deeds += [_draw_work(works, works.randrange(members)) for _ in range(works.randint(1, 5))]
    if keys.random() < 0.25:
        deeds += _draw_keyed(keys, keys.randrange(members))
    return deeds


def _draw_keyed(rng: random.Random, member: int) -> list[Deed]:
    """Programs spend by keys of one member, who is given some credits for it."""
    given = {"credits": 10, "request": _request(rng), "clicks": 1}
    by_midnight = rng.random() < 0.3
    return [
        Deed("grant", member, 0.0, given),
        *(_draw_key(rng, member, by_midnight=by_midnight) for _ in range(rng.randint(1, 3))),
    ]


def _draw_key(rng: random.Random, member: int, *, by_midnight: bool) -> Deed:
    delay = rng.choice([1.0, 1.0, rng.uniform(0, 30), rng.uniform(0, 3 * DAY_S)])
    if by_midnight:
        delay = MIDNIGHT_S + rng.choice([-1.0, 1.0]) * rng.uniform(0, 60)
    most = rng.choice([1, 2, 3])
    requests = [_request(rng) for _ in range(rng.choice([2, 3, 6]))]
    options = {
        "most": most,
        "process": rng.choice([None, *range(PROCESSES)]),
        "requests": {each: _held(rng, member, each, most) for each in requests},
    }
    return Deed("key", member, delay, options)


def _held(rng: random.Random, member: int, request: UUID, most: int) -> Deed | None:
    """The work that a request of a key holds for; None for one that is answered at once."""
    if rng.random() < 0.6:
        return None
    options = {
        "request": request,
        "most": rng.choice([1, 1, 2]),
        "ends": rng.choices(["captured", "failed", "nobody"], k=rng.randint(1, 3)),
        "allowance": Allowance(f"key:{most}", most),
    }
    return Deed("work", member, 0.0, options)


def _request(rng: random.Random) -> UUID:
    return UUID(int=rng.getrandbits(128), version=4)


def _draw_work(rng: random.Random, member: int) -> Deed:
    """Credits are held for work, or somebody else ends what is under way."""
    kind = rng.choice(["work"] * 4 + ["cancel", "sweep"])
    delay = rng.choice([0.0, 0.0, rng.uniform(0, 30), rng.uniform(0, 3 * DAY_S)])
    if kind != "work":
        return Deed(kind, member, delay)
    options = {
        "request": UUID(int=rng.getrandbits(128), version=4),
        "most": rng.choice([1, 2, 5]),
        "clicks": rng.choice([1, 1, 2, 3]),
        "ends": rng.choices(["captured", "captured", "failed", "nobody"], k=rng.randint(1, 3)),
    }
    return Deed(kind, member, delay, options)


def _with_extras(deeds: list[Deed], extras: random.Random, member: int) -> list[Deed]:
    """Somebody arrives besides, and what is deleted comes back."""
    arrival = Deed("arrive", member, extras.choice([0.0, DAY_S]))
    changed = [
        replace(deed, options={"undone": extras.choice([0, 1, 2])}) if deed.kind == "delete" else deed
        for deed in deeds
    ]
    return [*changed, arrival]


_AFTER: Final = (
    *(None, None, "refund", "refunds", "failed refund", "won", "lost", "inquiry"),
    *["withdraw"] * 3,
)


def _draw_deed(rng: random.Random, member: int) -> Deed:
    kinds = (["buy"] * 6 + ["write"] * 7 + ["rush"] * 2 + ["delete"] * 2 + ["reconcile"] * 2 + ["tidy"]) + [
        "reset",
        "grant",
        "take",
        "give back",
    ]
    kind = rng.choice(kinds)
    options: dict[str, Any] = {}
    if kind == "buy":
        options = {
            "pack": rng.randrange(len(PACKS)),
            "quantity": rng.choice([1, 1, 1, 2]),
            "how": rng.choice(["card"] * 6 + ["free", "debit ok", "debit fails", "abandon", "expire"]),
            "syncs": rng.choice([0, 1, 1, 2]),
            "clicks": rng.choice([1, 1, 1, 2]),
            "after": rng.choice(_AFTER),
            "share": rng.choice([0.1, 0.3, 0.5, 0.99, 1.0]),
            "stolen": rng.random() < 0.1,
            "edit": rng.choice([None] * 9 + ["credits", "member", "app", "copy"]),
        }
    if kind == "write":
        options = {
            "request": UUID(int=rng.getrandbits(128), version=4),
            "clicks": rng.choice([1, 1, 1, 2, 3]),
            "tries": rng.choice([1, 1, 2, 3]),
            "other topic": rng.random() < 0.1,
        }
    if kind == "rush":
        options = {
            "requests": [
                UUID(int=rng.getrandbits(128), version=4) for _ in range(rng.choice([2, 5, 9, 12, 64]))
            ],
            "process": rng.randrange(PROCESSES),
            "members": rng.choice([1, 1, MEMBERS]),
            "again": rng.random() < 0.3,
            "refused": rng.random() < 0.2,
        }
    if kind in (*Action, "give back"):
        options = {
            "credits": rng.randint(1, 5),
            "request": UUID(int=rng.getrandbits(128), version=4),
            "clicks": rng.choice([1, 2]),
        }
    delay = rng.choice([0.0, 0.0, 0.0, rng.uniform(0, 30), rng.uniform(0, 3 * DAY_S)])
    return Deed(kind, member, delay, options)
