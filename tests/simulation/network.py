"""The network between the product and the two stand-ins, and everything that can go wrong on it.

The product's own client and Stripe's own library run on top of it; below it are the stand-ins' handlers.
Each request gives way to other actors before it arrives and before its answer does.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from sandbox.serving import Handler, Request, Response
from tests.drivers.instant import refused
from tests.simulation.scheduler import Scheduler

TIMEOUT_S: Final = 10.0
# How often a fault is the beginning of more, how many calls that takes in, and how many of them go wrong.
STORM_CHANCE: Final = 0.3
LONGEST_STORM: Final = 6
STORM_RATE: Final = 0.9
HOT_RATE: Final = 0.15
VERBS: Final = (
    "write_haiku",
    "delete_haiku",
    "start_checkout",
    "sync_checkout",
    "webhook",
    "withdraw",
    "move_credits",
    "give_back",
    "reconcile",
)
WORK_VERBS: Final = ("hold", "capture", "release", "cancel", "sweep")
# A request that its sender gave up may arrive this much later.
LATEST_S: Final = 120.0

BOTH: Final = (
    "refused",  # there was no connection
    "reset before",  # the connection broke before the request arrived
    "answer lost",  # the connection broke after it was done
    "timeout before",  # it never arrived
    "timeout after",  # it was done, and the answer never came
    "late",  # it was given up, and arrived and was done afterwards
    "502 before",
    "502 after",
    "500 before",
    "500 after",
    "half a body",  # it was done, and half of the answer came
    "slow",
    "crash before",  # the caller's process dies
    "crash after",
    "429 rate limited",
)
INSTANT_ONLY: Final = ("429 timeout before", "429 timeout after", "500 deadlock")
STRIPE_ONLY: Final = ("402 refused",)
FAULTS: Final = {"instant": (*BOTH, *INSTANT_ONLY), "stripe": (*BOTH, *STRIPE_ONLY)}
ALL_FAULTS: Final = (*BOTH, *INSTANT_ONLY, *STRIPE_ONLY)
# In every other history only so many kinds of faults happen, so that the same one comes again and again.
# Source: "Swarm Testing", Groce et al., 2012.
FEW_KINDS: Final = (None, None, None, 1, 2, 3)

_ID: Final = re.compile(r"/(?:cs|cus|pi|ch|re|dp|price|evt)_[A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Site:
    """A call site: which verb of the product makes which call."""

    verb: str
    host: str
    call: str

    def __str__(self) -> str:
        return f"{self.verb}: {self.host} {self.call}"


@dataclass(slots=True)
class FaultPlan:
    """Which calls of a history go wrong, by their number. `rate` is the share, drawn from `rng`.

    Faults come in storms too: after some, nearly every call goes wrong for a while, as in a real outage. The
    calls of `hot_verb` go wrong more often than others. Only faults of `kinds` happen, if there are any. The
    first call of each site in `aims` meets the fault that stands there, whatever was drawn: so what is seldom
    called meets every fault. A plan that was recorded can be replayed with some faults left out, to find those
    that matter.
    """

    rng: random.Random
    rate: float
    hot_verb: str = ""
    kinds: frozenset[str] = frozenset()
    aims: Mapping[Site, str] = field(default_factory=dict)
    only: frozenset[int] | None = None
    stopped: bool = False
    number: int = 0
    storm: int = 0
    drawn: dict[int, str] = field(default_factory=dict)
    # The sites that were called while the faults had not stopped: each of them can be aimed at.
    exposed: set[Site] = field(default_factory=set)

    def draw(self, site: Site) -> str | None:
        """The fault of the next call, if it has one."""
        self.number += 1
        rate = HOT_RATE if self.rate and site.verb == self.hot_verb else self.rate
        if self.storm and self.rate:
            rate = STORM_RATE
        possible = [kind for kind in FAULTS[site.host] if not self.kinds or kind in self.kinds] or ["none"]
        possible += [kind for kind in possible if kind == "late"] * 3  # what only it brings about is rare
        hit, fault, storm = self.rng.random() < rate, self.rng.choice(possible), self.rng.random()
        if self.storm:
            self.storm -= 1
        elif hit and storm < STORM_CHANCE:
            self.storm = LONGEST_STORM
        if self.stopped:
            return None
        if site in self.aims and site not in self.exposed:
            hit, fault = True, self.aims[site]
        self.exposed.add(site)
        if not hit or fault == "none":
            return None
        if self.only is not None and self.number not in self.only:
            return None
        self.drawn[self.number] = fault
        return fault


def some_kinds(rng: random.Random) -> frozenset[str]:
    """Which kinds of faults a history has; none stands for all."""
    few = rng.choice(FEW_KINDS)
    return frozenset() if few is None else frozenset(rng.sample(FAULTS["instant"], few))


class Network:
    """Carries requests, or does not."""

    def __init__(self, scheduler: Scheduler, plan: FaultPlan, note: Callable[[str], None]) -> None:
        self._scheduler = scheduler
        self._plan = plan
        self._note = note
        self.coverage: Counter[tuple[Site, str]] = Counter()

    def to(self, host: str, handler: Handler) -> Handler:
        """The way to a host, as a handler: raises what requests raises when there is no answer."""
        return lambda request: self._carry(host, request, handler)

    def _carry(self, host: str, request: Request, handler: Handler) -> Response:
        scheduler = self._scheduler
        actor = scheduler.current
        verb = actor.verb if actor else ""
        site = Site(verb, host, f"{request.method} {_ID.sub('/:id', request.path)}")
        scheduler.pause()
        fault = self._plan.draw(site)
        self.coverage[site, fault or "none"] += 1
        who = f"{actor.name} in process {actor.process}" if actor else "somebody"
        self._note(f"{who}: {site.host} {site.call}" + (f" [{fault}]" if fault else ""))
        answer = self._suffer(fault, host, request, handler)
        scheduler.pause()
        return answer

    def _suffer(self, fault: str | None, host: str, request: Request, handler: Handler) -> Response:
        scheduler = self._scheduler
        process = scheduler.current.process if scheduler.current else None
        if fault is None:
            return handler(request)
        name, _, moment = fault.rpartition(" ") if fault.endswith((" before", " after")) else (fault, "", "")
        if name == "late":
            scheduler.later(self._plan.rng.uniform(0.0, LATEST_S), lambda: handler(request))
        if name == "slow":
            scheduler.sleep(self._plan.rng.uniform(1.0, TIMEOUT_S - 1))
        done = None
        if moment == "after" or name in ("answer lost", "half a body", "slow"):
            done = handler(request)
        if name == "crash" and process is not None:
            scheduler.crash(process)
        return self._outcome(name, host, done)

    def _outcome(self, name: str, host: str, done: Response | None) -> Response:
        if name == "refused":
            raise refused()
        if name in ("timeout", "late"):
            self._scheduler.sleep(TIMEOUT_S)
            raise requests.ReadTimeout
        if name == "half a body" and done is not None:
            return Response(done.status, done.body[: len(done.body) // 2], done.headers)
        if name == "slow" and done is not None:
            return done
        error = _ERRORS.get((host, name))
        if error is None:
            raise requests.ConnectionError("aborted")
        return Response.json(error[1], status=error[0])


_DEADLOCK: Final = {"type": "sql-exception", "message": "", "hint": {"condition": "deadlock-detected"}}
_ERRORS: Final[dict[tuple[str, str], tuple[int, dict[str, Any]]]] = {
    ("instant", "429 rate limited"): (429, {"type": "rate-limited", "message": "", "hint": None}),
    ("instant", "429 timeout"): (429, {"type": "timeout", "message": "", "hint": None}),
    ("instant", "500"): (500, {"type": "unknown", "message": ""}),
    ("instant", "500 deadlock"): (500, _DEADLOCK),
    ("instant", "502"): (502, {"message": "bad gateway"}),
    ("stripe", "429 rate limited"): (429, {"error": {"type": "invalid_request_error", "code": "rate_limit"}}),
    ("stripe", "402 refused"): (402, {"error": {"type": "invalid_request_error", "code": "charge_invalid"}}),
    ("stripe", "500"): (500, {"error": {"type": "api_error"}}),
    ("stripe", "502"): (502, {}),
}


class SimulatedSession(requests.Session):
    """What Stripe's library sends with, over something else than sockets. Quicker than an adapter of requests."""

    def __init__(self, carry: Handler) -> None:
        super().__init__()
        self._carry = carry

    def request(  # type: ignore[override]
        self, method: str, url: str, *, headers: Mapping[str, str], data: str | None = None, **more: Any
    ) -> requests.Response:
        """Carry the request, as far as a stand-in can see it."""
        parts = urlsplit(url)
        sent = Request(
            method=method.upper(),
            path=parts.path,
            query=parts.query,
            headers={name.lower(): str(value) for name, value in headers.items()},
            body=(data or "").encode(),
        )
        answer = self._carry(sent)
        response = requests.Response()
        response.status_code = answer.status
        response.headers.update(answer.headers)
        response._content = answer.body
        return response
