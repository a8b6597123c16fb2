"""People who buy and write while processes die under them: what they do, and what they were told."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import requests
from urllib3.exceptions import NewConnectionError

from tests.drivers.member import JSON, TIMEOUT_S, MemberClient, checkout_in
from tests.drivers.stripe import Stripe

# Ten credits at a time, so that most of the time somebody has none left.
BUY_CHANCE: Final = 0.08
BACK_CHANCE: Final = 0.6
# How often somebody edits in Stripe what a checkout is worth, before it is paid.
EDIT_CHANCE: Final = 0.15
DOUBLE_CLICK_CHANCE: Final = 0.25
GIVE_UP_CHANCE: Final = 0.3
# How often somebody presses a button again who wants to know.
TRIES: Final = 60


class Answer(StrEnum):
    """What became of one press of Write; of a 503, the words that say so."""

    WRITTEN = "written"
    NO_CREDITS = "no credits"
    NOTHING_CAME = "nothing came of this attempt"
    FAILED = "Your credits are back"
    STARTED = "being written"
    IN_DOUBT = "could not confirm"
    LOST = "no answer"


@dataclass(slots=True)
class Asked:
    """A haiku that somebody asked for: the answers to each round of clicks, and the haiku that they were shown."""

    topic: str
    rounds: list[list[Answer]] = field(default_factory=list)
    shown: dict[str, str] = field(default_factory=dict)

    @property
    def was_not_charged(self) -> bool:
        """Whether they may rely on it: by each answer, or by the last, when nothing else was under way."""
        said_no = {Answer.NO_CREDITS, Answer.NOTHING_CAME, Answer.FAILED}
        each = {answer for clicks in self.rounds for answer in clicks}
        return not self.shown and (each <= said_no or set(self.rounds[-1]) == {Answer.NO_CREDITS})


@dataclass(slots=True)
class Told:
    """All that one customer was told, and what was `edited`. `surprises` are answers that nobody should ever get."""

    writes: dict[str, Asked] = field(default_factory=dict)
    paid: set[str] = field(default_factory=set)
    credited: set[str] = field(default_factory=set)
    edited: set[str] = field(default_factory=set)
    surprises: list[str] = field(default_factory=list)


def together(all_told: Iterable[Told]) -> Told:
    """What the customers of one account were told."""
    whole = Told()
    for told in all_told:
        whole.writes |= told.writes
        whole.paid |= told.paid
        whole.credited |= told.credited
        whole.edited |= told.edited
        whole.surprises += told.surprises
    return whole


class Meter:
    """Counts the requests of everybody, and lets one thread wait until there were more."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.counts: Counter[str] = Counter()

    def count(self, what: str) -> None:
        """One more."""
        with self._changed:
            self.counts[what] += 1
            self._changed.notify_all()

    def await_more(self, requests: int, *, limit_s: float) -> bool:
        """Wait until so many more requests were begun; False when that takes too long."""
        with self._changed:
            enough = self.counts["requests"] + requests
            return self._changed.wait_for(lambda: self.counts["requests"] >= enough, limit_s)


class Customer:
    """Somebody with a browser, and a second tab in which a double click arrives; others may share the account."""

    def __init__(
        self,
        client: MemberClient,
        sites: Sequence[str],
        *,
        stripe: Stripe,
        rng: random.Random,
        meter: Meter,
        stop: threading.Event,
    ) -> None:
        self.told = Told()
        self.client = client
        self._tab = client.tab(client.site)
        for tab in (self.client, self._tab):
            # To a browser both processes are one site, as behind a load balancer.
            tab.http.headers["Host"] = urlsplit(client.site).netloc
        self._sites = sites
        self._stripe = stripe
        self._rng = rng
        self._meter = meter
        self._stop = stop

    def shop(self) -> None:
        """Buy and write until it is time to stop."""
        with ThreadPoolExecutor(1) as other_hand:
            while not self._stop.is_set():
                if self._rng.random() < BUY_CHANCE:
                    self._buy()
                else:
                    self._write(other_hand)

    # Writing

    def _write(self, other_hand: ThreadPoolExecutor) -> None:
        """Press Write, perhaps twice at once; after no certain answer press again, or walk away."""
        request_id = self._new_request()
        topic = self._rng.choice(["rain", "snow", "a frog", "moonlight"])
        asked = self.told.writes[request_id] = Asked(topic)
        for _ in range(TRIES):
            press = partial(self._press_write, request_id=request_id, asked=asked)
            second = self._rng.random() < DOUBLE_CLICK_CHANCE
            clicks = [other_hand.submit(press, self._tab, self._rng.choice(self._sites))] if second else []
            answers = [press(self.client, self._rng.choice(self._sites))]
            answers += [click.result() for click in clicks]
            asked.rounds.append(answers)
            if {Answer.WRITTEN, Answer.NO_CREDITS} & set(answers) or self._walks_away():
                return

    def _press_write(self, tab: MemberClient, site: str, *, request_id: str, asked: Asked) -> Answer:
        tab.site = site
        answer = self._ask(lambda: tab.write(asked.topic, request_id, Prefer="wait=5", **JSON))
        match None if answer is None else answer.status_code:
            case None:
                return Answer.LOST
            case 201 if answer is not None:
                haiku = answer.json()["haiku"]
                asked.shown[haiku["id"]] = haiku["content"]
                return Answer.WRITTEN
            case 202:
                return Answer.STARTED
            case 402:
                return Answer.NO_CREDITS
            case 503 if answer is not None:
                for sure in (Answer.NOTHING_CAME, Answer.FAILED, Answer.IN_DOUBT):
                    if sure in answer.text:
                        return sure
        return self._surprised(f"Write was answered with {_shown(answer)}")

    # Buying

    def _buy(self) -> None:
        """Check out and pay, perhaps twice at each step, and perhaps come back. Some checkouts are edited before."""
        form = {"pack": "price_sandbox10", "request_id": self._new_request()}
        started = self._until(200, lambda: self._post("/api/stripe/checkout", form))
        if started is None:
            return
        page = started.json()["url"]
        if self._rng.random() < EDIT_CHANCE and not self._edit(page.rsplit("/", 1)[1]):
            return
        back = self._until(303, lambda: self.client.pay(page))
        if back is None or self._rng.random() > BACK_CHANCE:
            return
        checkout_id = checkout_in(back)
        self.told.paid.add(checkout_id)
        synced = self._until(200, lambda: self._post("/api/stripe/sync", {"session_id": checkout_id}))
        if synced is None:
            return
        status = synced.json()["status"]
        if status in ("credited", "already_credited"):
            self.told.credited.add(checkout_id)
        elif status != "needs_review" or checkout_id not in self.told.edited:
            self._surprised(f"A checkout that is paid was answered with {_shown(synced)}")

    def _edit(self, checkout_id: str) -> bool:
        """Have a checkout worth a thousand credits; False where nobody can say whether that was done."""
        self.told.edited.add(checkout_id)
        return self._until(200, lambda: self._stripe.edit(checkout_id, credits="1000")) is not None

    def _post(self, path: str, form: dict[str, str]) -> requests.Response:
        self.client.site = self._rng.choice(self._sites)
        return self.client.post(path, form, **JSON)

    def _until(self, status: int, send: Callable[[], requests.Response]) -> requests.Response | None:
        """Send a form again, as it was, until it is answered so; None for who loses patience."""
        for _ in range(TRIES):
            answer = self._ask(send)
            if answer is not None:
                if answer.status_code == status:
                    return answer
                # Only the site may ask people to come again.
                if answer.status_code != 503 or not answer.url.startswith(tuple(self._sites)):
                    self._surprised(f"{answer.url} answered with {_shown(answer)}")
            if self._walks_away():
                break
        return None

    # Both

    def _new_request(self) -> str:
        return str(UUID(int=self._rng.getrandbits(128), version=4))

    def _ask(self, send: Callable[[], requests.Response]) -> requests.Response | None:
        """One request; None when whoever should answer it died."""
        self._meter.count("requests")
        try:
            answer = send()
        except requests.ReadTimeout:
            self._surprised(f"A request was open for {TIMEOUT_S} s")
        except requests.RequestException as exc:
            reason = getattr(exc.args[0], "reason", None) if exc.args else None
            self._meter.count("refused" if isinstance(reason, NewConnectionError) else "lost answers")
        else:
            if answer.status_code == 503:
                self._meter.count("told to try again")
            return answer
        return None

    def _walks_away(self) -> bool:
        """Whether they leave it at that; otherwise a moment passes before they press again."""
        return self._rng.random() < GIVE_UP_CHANCE or self._stop.wait(self._rng.uniform(0.01, 0.3))

    def _surprised(self, text: str) -> Answer:
        self.told.surprises.append(text)
        return Answer.IN_DOUBT


def _shown(answer: requests.Response | None) -> str:
    return "nothing" if answer is None else f"{answer.status_code}: {answer.text[:200]}"
