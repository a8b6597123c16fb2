"""Misbehaviour on request: a wrapper round a stand-in that refuses, stalls, fails or drops the answer.

`POST /_sandbox/faults` adds a rule, `GET` lists them with how often each was hit, `DELETE` forgets them all
and lets go of every request that a rule holds. A rule is JSON:

    {"method": "POST", "path": "^/admin/transact$",   which requests; `path` is a regular expression
     "fault": "drop_after",                            one of `FAULTS`
     "skip": 0, "times": 1,                            let this many pass first; then hit this many (null: all)
     "chance": 1.0, "seed": 7,                         of those, hit this share, from this seed
     "status": 500, "body": {...},                     for "answer": what to say instead of doing the work
     "code": "email_invalid",                          or, of Stripe: the refusal by this code (`stripe/refusals.py`)
     "seconds": 0.5}                                   for "delay"

The two `hold_*` faults keep the request until the rules are deleted: a test sees in `GET` that the moment
has come, kills the caller, and lets go. Neither vendor has such an address.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.serving import AnswerDropped, Handler, Request, Response

PATH: Final = "/_sandbox/faults"
FAULTS: Final = (
    "refuse",  # hang up before doing the work
    "drop_after",  # do the work, then hang up
    "half_body",  # do the work, then send half of the answer
    "delay",  # wait `seconds`, then do the work
    "answer",  # say `status` and `body` without doing the work
    "answer_after",  # do the work, then say `status` and `body` instead of the truth
    "hold_before",  # wait to be let go, then do the work
    "hold_after",  # do the work, then wait to be let go
)
# A held request is let go after this long even if nobody asks, so that a failed test cannot hang a server.
HOLD_LIMIT_S: Final = 30.0


@dataclass(slots=True)
class Rule:
    """One fault that waits for its request; see the module's docstring for the fields."""

    method: str
    path: re.Pattern[str]
    fault: str
    skip: int = 0
    times: int | None = 1
    chance: float = 1.0
    seconds: float = 0.0
    answer: Response = field(default_factory=lambda: Response.json(None, status=500))
    rng: random.Random = field(default_factory=random.Random)
    hits: int = 0
    held: int = 0

    def wants(self, request: Request) -> bool:
        """Whether this request is the one; counts it when it is."""
        if self.method not in ("*", request.method) or not self.path.search(request.path):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        if self.chance < 1.0 and self.rng.random() >= self.chance:
            return False
        self.hits += 1
        return True

    def as_json(self) -> dict[str, Any]:
        """What `GET` shows of this rule."""
        return {
            "method": self.method,
            "path": self.path.pattern,
            "fault": self.fault,
            "hits": self.hits,
            "held": self.held,
        }


class FaultyHandler:
    """A `Handler` in front of another one that misbehaves as its rules say."""

    def __init__(self, handler: Handler, refusal: Callable[[str], Response] | None = None) -> None:
        self._handler = handler
        self._refusal = refusal
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._release = threading.Event()

    def __call__(self, request: Request) -> Response:
        if request.path == PATH:
            return self._administer(request)
        with self._lock:
            rule = next((rule for rule in self._rules if rule.wants(request)), None)
            release = self._release
        return self._handler(request) if rule is None else self._misbehave(rule, request, release)

    def _administer(self, request: Request) -> Response:
        with self._lock:
            if request.method == "DELETE":
                self._rules.clear()
                self._release.set()
                self._release = threading.Event()
            elif request.method == "POST":
                try:
                    self._rules.append(self._rule(json.loads(request.body)))
                except (KeyError, TypeError, ValueError, re.error) as exc:
                    return Response.json({"error": f"Not a fault rule: {exc}"}, status=400)
            return Response.json({"rules": [rule.as_json() for rule in self._rules]})

    def _misbehave(self, rule: Rule, request: Request, release: threading.Event) -> Response:
        match rule.fault:
            case "refuse":
                raise AnswerDropped
            case "answer":
                return rule.answer
            case "delay":
                time.sleep(rule.seconds)
            case "hold_before":
                self._hold(rule, release)
        return self._after(rule, self._handler(request), release)

    def _after(self, rule: Rule, response: Response, release: threading.Event) -> Response:
        """The work is done; what becomes of its answer."""
        match rule.fault:
            case "hold_after":
                self._hold(rule, release)
            case "answer_after":
                return rule.answer
            case "drop_after":
                raise AnswerDropped
            case "half_body":
                raise AnswerDropped(answer=response, after_bytes=max(1, len(response.body) // 2))
        return response

    def _hold(self, rule: Rule, release: threading.Event) -> None:
        with self._lock:
            rule.held += 1
        release.wait(HOLD_LIMIT_S)
        with self._lock:
            rule.held -= 1

    def _rule(self, raw: dict[str, Any]) -> Rule:
        """Raises `KeyError`, `TypeError`, `ValueError` and `re.error` where it is none."""
        if "code" not in raw:
            return _rule_from_json(raw, Response.json(raw.get("body"), status=int(raw.get("status", 500))))
        if self._refusal is None:
            raise ValueError("this vendor's refusals have no codes")
        return _rule_from_json({"fault": "answer"} | raw, self._refusal(raw["code"]))


def _rule_from_json(raw: dict[str, Any], answer: Response) -> Rule:
    if raw["fault"] not in FAULTS:
        raise ValueError(f"fault is one of {', '.join(FAULTS)}")
    return Rule(
        method=str(raw.get("method", "*")).upper(),
        path=re.compile(raw["path"]),
        fault=raw["fault"],
        skip=int(raw.get("skip", 0)),
        times=None if raw.get("times", 1) is None else int(raw.get("times", 1)),
        chance=float(raw.get("chance", 1.0)),
        seconds=float(raw.get("seconds", 0.0)),
        answer=answer,
        rng=random.Random(raw.get("seed", 0)),  # noqa: S311  faults are no secret
    )
