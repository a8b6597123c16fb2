"""Two site processes and both stand-ins, killed at random moments while people buy and write."""

from __future__ import annotations

import json
import random
import re
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from sandbox import faults
from sandbox.world import Part, World
from tests.chaos.customer import Customer, Meter, together
from tests.chaos.verify import Facts, double_entries, untruths
from tests.drivers.instant import admin_of
from tests.drivers.member import MemberClient
from tests.drivers.stripe import Stripe
from tests.drivers.worlds import BACK_AT_ONCE

CUSTOMERS: Final = 4
ACCOUNTS: Final = 4
# How much is asked between one kill and the next.
MOST_REQUESTS: Final = 20
LONGEST_MOMENT_S: Final = 0.06
# How often the next kill does not wait until the last victim is up again.
HASTE_CHANCE: Final = 0.35
PROGRESS_LIMIT_S: Final = 60.0
# Stripe's stand-in waits at most a minute before it delivers a webhook again.
OUTBOX_LIMIT_S: Final = 180.0
# What nobody writes any more is released without waiting for its end.
AT_ONCE: Final = {"HOLD_EXPIRES_AFTER_S": "-60"}


@dataclass(slots=True)
class Report:
    """What happened, and what is wrong: nothing, if all is well."""

    data_dir: Path
    cycles: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    purchases: int = 0
    edited: int = 0
    haikus: int = 0
    reconciled: str = ""
    audited: str = ""
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        killed = ", ".join(f"{count} x {part}" for part, count in sorted(self.kills.items()))
        names = ("requests", "lost answers", "refused", "told to try again")
        counted = ", ".join(f"{self.counts[name]} {name}" for name in names)
        lines = [
            f"{self.cycles} cycles in {self.seconds:.0f} s. Killed: {killed}.",
            f"{counted}; {self.purchases} purchases, {self.edited} edited before, {self.haikus} haikus.",
            f"Reconciled: {self.reconciled}",
            f"Audited: {self.audited}",
            *(f"WRONG: {problem}" for problem in self.problems),
            f"Evidence is in {self.data_dir}" if self.problems else "Nothing is lost, and nothing invented.",
        ]
        return "\n".join(lines)


class Run:
    """One run over a world of its own, which keeps everything in `data_dir`. Customers share the accounts evenly."""

    def __init__(
        self,
        data_dir: Path,
        *,
        seed: int,
        customers: int = CUSTOMERS,
        accounts: int = ACCOUNTS,
        slow: bool = False,
    ) -> None:
        self._seed = seed
        self._emails = [f"customer{number % accounts}@example.com" for number in range(customers)]
        self._rng = random.Random(f"{seed}:kills")
        generator = {"HAIKU_GENERATOR": "tests.chaos.slow"} if slow else {}
        self.world = World(data_dir, site_ports=(0, 0), env=BACK_AT_ONCE | generator)
        self._stripe = Stripe(self.world)
        self.report = Report(self.world.data_dir)
        self._meter = Meter()
        self._stop = threading.Event()
        self._customers: list[Customer] = []

    def run(self, cycles: int, *, survived: Callable[[], object] = lambda: None) -> Report:
        """Kill so many processes and verify what is left; `survived` is called after each kill."""
        started = time.monotonic()
        try:
            self.world.start()
            self._customers = [self._shopper(number) for number in range(len(self._emails))]
            self._torment(cycles, survived)
            self._settle_down()
            self._judge()
        finally:
            self.world.stop()
            self.report.counts = self._meter.counts
            self.report.seconds = time.monotonic() - started
        if self.report.problems:
            self._keep_evidence()
        return self.report

    def _shopper(self, number: int) -> Customer:
        client = MemberClient.at(self.world).sign_in(self._emails[number])
        rng = random.Random(f"{self._seed}:{number}")
        return Customer(
            client,
            self.world.site_urls,
            stripe=self._stripe,
            rng=rng,
            meter=self._meter,
            stop=self._stop,
        )

    def _torment(self, cycles: int, survived: Callable[[], object]) -> None:
        with ThreadPoolExecutor(len(self._customers)) as pool:
            shopping = [pool.submit(customer.shop) for customer in self._customers]
            try:
                for _ in range(cycles):
                    self._await_a_moment(shopping)
                    self._kill_one()
                    survived()
            finally:
                self._stop.set()
        for customer in shopping:
            customer.result()

    def _await_a_moment(self, shopping: Sequence[Future[None]]) -> None:
        """Some requests and a fraction of one, so that any line of the site may be its last."""
        for customer in shopping:
            if customer.done():
                customer.result()
        if not self._meter.await_more(self._rng.randint(1, MOST_REQUESTS), limit_s=PROGRESS_LIMIT_S):
            raise AssertionError(f"nobody got anywhere for {PROGRESS_LIMIT_S} s")
        time.sleep(self._rng.uniform(0.0, LONGEST_MOMENT_S))

    def _kill_one(self) -> None:
        world = self.world
        victims = {
            "site 1": world.sites[0],
            "site 2": world.sites[1],
            "Instant": world.instant,
            "Stripe": world.stripe,
        }
        name = self._rng.choices(list(victims), weights=[35, 35, 15, 15])[0]
        if not victims[name].is_running:
            self.report.problems.append(f"{name} had died by itself; its log says why")
        victims[name].kill()
        victims[name].start()
        self.report.cycles += 1
        self.report.kills[name] += 1
        if self._rng.random() > HASTE_CHANCE:
            self._await_up(victims[name])

    def _await_up(self, part: Part) -> None:
        part.await_answer("/healthz" if part in self.world.sites else faults.PATH)

    def _settle_down(self) -> None:
        """Everything is up, Stripe has delivered what it had to tell, and cron has looked for the rest."""
        for part in self.world.parts:
            self._await_up(part)
        self._empty_outbox()
        for site in self.world.sites:
            site.stop()  # which has whatever is being written finished, or given up
            site.start()
            self._await_up(site)
        reconciled = self.world.manage("reconcile_credits", "--all", check=False, env=AT_ONCE)
        self.report.reconciled = _last_line(reconciled.stdout)
        audited = self.world.manage("audit_credits", check=False)
        self.report.audited = _last_line(audited.stdout)
        edited = {session["id"] for session in self._every_paid_session() if self._is_edited(session)}
        self.report.edited = len(edited)
        for name, done in (("reconcile_credits", reconciled), ("audit_credits", audited)):
            if _needing_review(done) != edited or done.returncode != bool(edited):
                said = f"{name} ended with {done.returncode}: {done.stdout}{done.stderr}"
                self.report.problems.append(said)
        if f" {len(edited) or 'no'} violations" not in self.report.audited:
            self.report.problems.append(f"{len(edited)} edited checkouts, and the audit: {audited.stdout}")

    def _empty_outbox(self) -> None:
        """Somebody presses "Send again" for what has not arrived: Stripe may have given some of it up."""
        for event in list(self._every("events", delivery_success="false")):
            self._stripe.post(f"/dashboard/events/{event['id']}/resend")
        deadline = time.monotonic() + OUTBOX_LIMIT_S
        while waiting := self._stripe.ask("/v1/events", delivery_success="false", limit="1")["data"]:
            if time.monotonic() > deadline:
                raise AssertionError(f"{waiting[0]['type']} was not delivered for {OUTBOX_LIMIT_S} s")
            time.sleep(0.1)

    def _judge(self) -> None:
        clients = {customer.client.email: customer.client for customer in self._customers}
        for email, client in clients.items():
            facts = self._facts_of(client)
            self.report.purchases += len(facts.paid)
            self.report.haikus += len(facts.haikus)
            told = together(each.told for each in self._customers if each.client.email == email)
            found = [*untruths(told, facts), *double_entries(facts.entries)]
            self.report.problems += [f"{email}: {text}" for text in found]

    def _facts_of(self, client: MemberClient) -> Facts:
        query: Any = {"$users": {"$": {"where": {"email": client.email}}, "creditEntries": {}, "haikus": {}}}
        [member] = admin_of(self.world).query(query)["$users"]
        mine = [each for each in self._every_paid_session() if each["metadata"].get("member") == member["id"]]
        return Facts(
            member_id=member["id"],
            paid={each["id"]: int(each["metadata"]["credits"]) for each in mine if not self._is_edited(each)},
            edited=frozenset(each["id"] for each in mine if self._is_edited(each)),
            entries=member["creditEntries"],
            haikus={each["id"]: each for each in member["haikus"] if each.get("state") != "failed"},
            credits=client.credits(),
            held=member.get("creditsHeld", 0),
        )

    def _is_edited(self, session: dict[str, Any]) -> bool:
        return any(session["id"] in customer.told.edited for customer in self._customers)

    def _every_paid_session(self) -> Iterator[dict[str, Any]]:
        sessions = self._every("checkout/sessions")
        return (session for session in sessions if session["payment_status"] == "paid")

    def _every(self, collection: str, **query: str) -> Iterator[dict[str, Any]]:
        after: dict[str, str] = {}
        while page := self._stripe.ask(f"/v1/{collection}", limit="100", **query, **after)["data"]:
            yield from page
            after = {"starting_after": page[-1]["id"]}

    def _keep_evidence(self) -> None:
        told = [{customer.client.email: asdict(customer.told)} for customer in self._customers]
        evidence = {"seed": self._seed, "problems": self.report.problems, "told": told}
        (self.report.data_dir / "evidence.json").write_text(json.dumps(evidence, indent=2, default=sorted))


def _needing_review(done: subprocess.CompletedProcess[str]) -> set[str]:
    """The checkouts that a command named as such."""
    lines = [line for line in done.stdout.splitlines() if "needs review" in line.lower()]
    return set(re.findall(r"cs_test_\w+", "\n".join(lines)))


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["nothing was said"])[-1]
