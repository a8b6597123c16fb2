"""What actors do with a key that may spend only so much a day: many requests at once, again and again, some held."""

from __future__ import annotations

from functools import partial
from typing import Final
from uuid import UUID

from accounts.members import Member
from billing.spending import Allowance, AllowanceSpent, Spent, spend
from haikus.store import HAIKU
from instant_admin.client.errors import InstantError
from instant_admin.ledger.rules import LedgerError, OutOfCredits
from tests.drivers.site import haiku
from tests.simulation.script import Cast, Deed, Told
from tests.simulation.working import try_working
from tests.simulation.world import NoAnswer

TRIES: Final = 3


def spend_by_key(cast: Cast, deed: Deed) -> None:
    """Send a program's requests at once, each of them again when it is answered."""
    for number, (request, held) in enumerate(deed.options["requests"].items()):
        cast.keyed[request] = _allowance(deed)
        act = (
            partial(_try_spending, cast, deed, request) if held is None else partial(try_working, cast, held)
        )
        cast.world.scheduler.spawn(f"key {deed.member} {number}", act)


def _allowance(deed: Deed) -> Allowance:
    return Allowance(f"key:{deed.options['most']}", deed.options["most"])


def _try_spending(cast: Cast, deed: Deed, request: UUID) -> None:
    world, member = cast.world, cast.members[deed.member]
    told = cast.writes.setdefault(request, Told(member))
    for _ in range(TRIES):
        told.begin()
        asked = world.clock()
        try:
            act = partial(_spend, member, request, _allowance(deed))
            spent = world.serve("spend", act, process=deed.options["process"])
        except NoAnswer:
            answer = "nothing"
        except (OutOfCredits, AllowanceSpent) as exc:
            answer = "not charged"
            if isinstance(exc, AllowanceSpent):
                told.limited.append((asked, world.clock(), exc.used))
        except (InstantError, LedgerError) as exc:
            answer = "perhaps charged" if exc.may_have_been_written else "not charged by this attempt"
        else:
            answer = "done"
            told.done[spent.item_id] = "rain"
        told.end(answer)
        world.note(f"the key of member {deed.member} is told of {str(request)[:8]}: {answer}")
        world.scheduler.sleep(world.random.keys.choice([0.0, 5.0, 60.0, 30_000.0]))


def _spend(member: Member, request: UUID, allowance: Allowance) -> Spent:
    return spend(
        member=member,
        product=HAIKU,
        request_id=request,
        note="rain",
        steps=lambda row: haiku(row, member.id),
        allowance=allowance,
    )
