"""Runs a history from its seed, judges it, and shrinks one that failed."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar
from uuid import UUID

from accounts.members import Member
from billing.reconciliation import reconcile
from tests.simulation.actors import (
    delete_customers,
    deliver_webhooks,
    give_old_credits,
    last_checkout,
    last_haiku,
    leave,
    play,
    write_meanwhile,
)
from tests.simulation.invariants import ledger_of, left_behind, violations, wrong_buyer
from tests.simulation.network import Site
from tests.simulation.scheduler import NeverEnded
from tests.simulation.script import MEMBERS, Cast, Deed, draw_script
from tests.simulation.working import last_sweep
from tests.simulation.world import PROCESSES, World

T = TypeVar("T")


@dataclass(slots=True)
class Result:
    """A history that was run: what was wrong with it, if anything, and what was in it."""

    seed: int
    script: Sequence[Deed]
    faults: dict[int, str]
    violations: list[str]
    log: list[str] = field(repr=False)
    coverage: Counter[tuple[Site, str]] = field(repr=False, default_factory=Counter)

    @property
    def calls(self) -> int:
        """How many outside calls were made."""
        return sum(self.coverage.values())


def run(
    seed: int, *, script: Sequence[Deed] | None = None, only_faults: frozenset[int] | None = None
) -> Result:
    """Run the history of `seed`; with `script` or `only_faults`, with less in it."""
    world = World(seed, only_faults=only_faults)
    rng = world.random.actors
    drawn = draw_script(rng, world.random.extras, world.random.works, world.random.keys)
    deeds = list(drawn if script is None else script)
    opening = [rng.choice([0, 0, 1, 7]) for _ in range(MEMBERS)]
    lossy = rng.random() < 0.8
    cast = Cast(world, [world.new_member(f"member{n}@example.com") for n in range(MEMBERS)], opening)
    for member, credits in zip(cast.members, opening, strict=True):
        if credits:
            give_old_credits(world, member, credits)
    world.note_balances()
    found: list[str] = []
    try:
        _play(cast, deeds, lossy=lossy)
        found += violations(cast)
        leaver = rng.choice(cast.members)
        before = ledger_of(cast, leaver)
        _farewell(cast, leaver)
        found += left_behind(cast, leaver, before)
    except NeverEnded as exc:
        found.append(str(exc))
    except Exception as exc:  # noqa: BLE001  whatever the product raises and no actor expects is a finding
        found.append(f"{type(exc).__name__}: {exc}\n{traceback.format_exc(limit=-6)}")
    return Result(seed, deeds, dict(world.plan.drawn), found, world.log, world.network.coverage)


def _play(cast: Cast, deeds: Sequence[Deed], *, lossy: bool) -> None:
    world = cast.world
    for deed in deeds:
        play(cast, deed)
    world.scheduler.spawn("courier", lambda: deliver_webhooks(cast, lossy=lossy))
    world.scheduler.run()
    world.note("the faults stop")
    world.plan.stopped = True
    world.scheduler.spawn("courier", lambda: deliver_webhooks(cast, lossy=False))
    world.scheduler.run()
    world.scheduler.spawn("last reconcile", lambda: _last_reconcile(cast))
    world.scheduler.run()
    for last in (last_sweep, _last_checkouts, _last_haikus):
        world.scheduler.spawn("last", partial(last, cast))
        world.scheduler.run()


def _last_reconcile(cast: Cast) -> None:
    for finding in cast.world.serve("reconcile", lambda: list(reconcile(since=None, dry_run=False))):
        cast.world.note(f"reconciled {finding.checkout_id}: {finding.text}")
        if finding.needs_review:
            cast.left_for_review.add(finding.checkout_id)


def _last_checkouts(cast: Cast) -> None:
    """Each member buys again, also when their customer has just been deleted, twice."""
    for member in cast.members:
        for _ in range(3):
            cast.wrong_buyers += wrong_buyer(cast, member, last_checkout(cast, member).id)
            delete_customers(cast, member)


def _last_haikus(cast: Cast) -> None:
    """Each member writes once more, in each process."""
    ids = cast.world.random.ids
    for member in cast.members:
        for process in range(PROCESSES):
            request_id = UUID(int=ids.getrandbits(128), version=4)
            if not last_haiku(cast, member, process=process, request_id=request_id):
                cast.stuck.append(f"{member.email} cannot write in process {process}")


def _farewell(cast: Cast, leaver: Member) -> None:
    """A member leaves while others write into their ledger, and the faults are back; else when they stop."""
    world = cast.world
    world.scheduler.spawn("last", partial(last_checkout, cast, leaver))
    world.scheduler.run()
    world.note(f"{leaver.email} leaves, and the faults begin again")
    world.plan.stopped = False
    for name, act in (("leaver", leave), ("another tab", write_meanwhile), ("staff", write_meanwhile)):
        world.scheduler.spawn(name, partial(act, cast, leaver))
    world.scheduler.run()
    world.plan.stopped = True
    if leaver.id not in cast.left:
        world.scheduler.spawn("leaver", partial(leave, cast, leaver))
        world.scheduler.run()


def shrink(failed: Result, *, tries: int = 300) -> Result:
    """A smaller history that still fails: deeds, then faults, left out as long as it does."""
    best = failed
    left = [tries]

    def smaller(script: Sequence[Deed], faults: frozenset[int]) -> bool:
        nonlocal best
        if left[0] == 0:
            return False
        left[0] -= 1
        result = run(failed.seed, script=script, only_faults=faults)
        if result.violations:
            best = result
        return bool(result.violations)

    faults = frozenset(failed.faults)
    if not smaller(failed.script, faults):
        return failed
    _leave_out(list(best.script), lambda script: smaller(script, frozenset(best.faults)))
    _leave_out(sorted(best.faults), lambda numbers: smaller(best.script, frozenset(numbers)))
    _leave_out(list(best.script), lambda script: smaller(script, frozenset(best.faults)))
    return best


def _leave_out(items: list[T], still_fails: Callable[[list[T]], bool]) -> None:
    size = max(1, len(items) // 2)
    while items and size:
        start = 0
        while start < len(items):
            without = items[:start] + items[start + size :]
            if still_fails(without):
                items = without
            else:
                start += size
        size //= 2


def report(result: Result) -> str:
    """A failed history for a person: what is wrong, who did what, and every call."""
    lines = [f"seed {result.seed}:", *(f"  VIOLATION {text}" for text in result.violations), "  with"]
    lines += [f"    {deed}" for deed in result.script]
    lines += [f"    fault at call {number}: {fault}" for number, fault in sorted(result.faults.items())]
    return "\n".join([*lines, "  history", *(f"    {line}" for line in result.log)])
