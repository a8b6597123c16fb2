"""What actors do with held credits: work that takes time, that fails, that is cancelled, that nobody ends."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

from accounts.members import Member
from billing.errors import BillingError, HoldEnded
from billing.spending import AllowanceSpent, Held, Spent, give_back, hold
from billing.sweeping import release_expired
from haikus.store import HAIKU
from instant_admin.client.errors import InstantError
from instant_admin.client.steps import create, link, update
from instant_admin.client.types import Step
from instant_admin.configured import instant
from instant_admin.ledger.open_holds import open_holds
from instant_admin.ledger.rules import LedgerError, OutOfCredits
from tests.simulation.script import Cast, Deed, Work
from tests.simulation.world import NoAnswer

KNOWN_ENDS: Final = (InstantError, LedgerError, BillingError)


def work(cast: Cast, deed: Deed) -> None:
    """Have something written that takes time, perhaps several times at once, perhaps again after it failed."""
    for click in range(1, deed.options["clicks"]):
        cast.world.scheduler.spawn(f"work {deed.member} click {click}", partial(try_working, cast, deed))
    try_working(cast, deed)


def try_working(cast: Cast, deed: Deed) -> None:
    """Have it written, perhaps again after it failed."""
    member, options, world = cast.members[deed.member], deed.options, cast.world
    told = cast.works.setdefault(options["request"], Work(member))
    for end in options["ends"]:
        process = world.random.works.randrange(len(world.processes))
        try:
            held = world.serve("hold", partial(_hold, world.clock(), member, options), process=process)
        except (OutOfCredits, AllowanceSpent):
            return
        except (NoAnswer, *KNOWN_ENDS):
            world.scheduler.sleep(20.0)
            continue
        if held.is_new:
            _do(cast, held, end, process, told)
        world.scheduler.sleep(world.random.works.choice([0.0, 10.0, 2000.0]))


def _hold(at: float, member: Member, options: dict[str, Any]) -> Held:
    def new_row(row: UUID) -> Sequence[Step]:
        text = {"topic": "work", "content": "", "createdAt": int(at * 1000)}
        return [create("haikus", row, text), link("haikus", row, {"author": member.id})]

    return hold(
        member=member,
        product=HAIKU,
        most=options["most"],
        request_id=options["request"],
        note="work",
        steps=new_row,
        allowance=options.get("allowance"),
    )


def _do(cast: Cast, held: Held, end: str, process: int, told: Work) -> None:
    """The work itself, in a process that may die meanwhile, and its end."""
    world, server = cast.world, cast.world.processes[process]
    world.scheduler.sleep(world.random.works.choice([0.0, 0.0, 5.0, 300.0, 960.0, 2000.0]))
    if end == "nobody" or world.processes[process] is not server:
        return
    used = world.random.works.randint(0, held.most)
    for _ in range(3):
        try:
            if end == "captured":
                world.serve("capture", partial(_capture, held, used), process=process)
                told.captured[held.item_id] = used
            else:
                world.serve("release", partial(held.release, "failed"), process=process)
                told.failed.add(held.item_id)
        except HoldEnded:
            told.failed.add(held.item_id)
            return
        except (NoAnswer, *KNOWN_ENDS):
            world.scheduler.sleep(3.0)
        else:
            return


def _capture(held: Held, used: int) -> Spent:
    text = update("haikus", held.item_id, {"content": "work\nwork\nwork"}, upsert=False)
    return held.capture(used, [text])


def cancel(cast: Cast, deed: Deed) -> None:
    """Cancel whatever is under way, now and then."""
    member = cast.members[deed.member]

    def act() -> None:
        for found in open_holds(instant(), member.id):
            give_back(found, error="cancelled")

    for _ in range(3):
        try:
            cast.world.serve("cancel", act)
        except (NoAnswer, *KNOWN_ENDS):
            cast.world.note(f"member {deed.member} cannot cancel")
        cast.world.scheduler.sleep(cast.world.random.works.choice([0.0, 30.0, 900.0]))


def sweep(cast: Cast, deed: Deed) -> None:
    """A process looks for what nobody has ended, again and again."""
    for _ in range(6):
        try:
            cast.world.serve("sweep", lambda: list(release_expired()))
        except (NoAnswer, *KNOWN_ENDS):
            cast.world.note("a sweep comes to nothing")
        cast.world.scheduler.sleep(cast.world.random.works.uniform(0.0, 1500.0))


def last_sweep(cast: Cast) -> None:
    """When all is well again, and the end of every hold has passed."""
    cast.world.scheduler.sleep(2000.0)
    for hold_ in cast.world.serve("sweep", lambda: list(release_expired())):
        cast.world.note(f"{hold_.key} is released at last")
