"""What a real Instant answered, asked of the stand-in again: request by request, answer beside answer.

Each line of a recording is a request (`method`, `path`, `query`, `as` for headers, `body`) with the `status` and
the `answer` that came back. Ids, tokens and codes that a server makes up differ; the pairs seen so far translate
the requests that follow.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

from sandbox.instant.apps import App
from sandbox.instant.standin import InstantStandIn
from sandbox.serving import Request, Response

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CODE: Final = re.compile(r"[0-8]{6}")
# Made up at each answer, or worded for people: only that it is there can be compared.
_MADE_UP: Final = {
    *("codeHash", "hashedToken", "tx-id", "trace-id", "debug-uri"),
    *("created_at", "updated_at", "deletion-marked-at", "message", "expected", "transaction"),
}
# How many rows a push has touched, by tables that the stand-in does not have.
_DATABASE_COUNTS: Final = {"results"}
# Between two requests, so that entities have different ages as they had on the wire.
_TICK_S: Final = 0.001


@dataclass(frozen=True, slots=True)
class Exchange:
    """One line of a recording."""

    case: str
    n: int
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: Any
    status: int
    answer: Any

    @property
    def app_id(self) -> str:
        """The app that it is about, wherever the request names it."""
        in_path = re.search(r"/apps/([^/]+)", self.path)
        in_query = parse_qs(self.query).get("app_id", [""])[0]
        return self.headers.get("app-id") or (in_path[1] if in_path else in_query)


def read(recording: Path) -> Iterator[Exchange]:
    """The lines of a gzipped recording, in its order."""
    with gzip.open(recording, "rt", encoding="utf-8") as lines:
        for line in lines:
            raw = json.loads(line)
            yield Exchange(
                case=raw["case"].removeprefix("test:"),
                n=raw["n"],
                method=raw["method"],
                path=raw["path"],
                query=raw.get("query", ""),
                headers=raw.get("as", {}),
                body=raw.get("body"),
                status=raw["status"],
                answer=(raw.get("answer") or {}).get("json"),
            )


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One place where the two answers are not alike. `place` is a path such as `hint.errors.*.in`."""

    exchange: Exchange
    place: str
    what: str

    def __str__(self) -> str:
        exchange = self.exchange
        where = f"{exchange.case} ({exchange.n}) {exchange.method} {exchange.path}"
        return f"{where}: {self.place}: {self.what}"


class Replay:
    """A fresh stand-in, and what each made-up value of the recording is called there."""

    def __init__(self) -> None:
        self._now = 1_800_000_000.0
        self._standin = InstantStandIn(database=":memory:", clock=self._tick, rng=random.Random(0))
        self._names: dict[str, str] = {}
        self._asked: set[str] = set()

    def mismatches(self, exchange: Exchange) -> Iterator[Mismatch]:
        """Ask the stand-in too, and say where its answer is another."""
        if exchange.path == "/dash/apps":
            # Making an app is a route of the dashboard, which the stand-in has no need of.
            wanted = exchange.body["json"]
            self._standin.ensure_app(wanted["title"], wanted["id"], wanted["admin_token"])
            return
        response = self._standin.handle(self._request(exchange))
        ours = None if response.stream is not None else _parsed(response)
        self._learn(exchange.answer, ours)
        if response.status != exchange.status:
            yield Mismatch(exchange, "status", f"{exchange.status}, but ours is {response.status} {ours}")
            return
        recorded = json.loads(self._translated(json.dumps(exchange.answer)))
        for place, what in _differences(recorded, ours, ()):
            yield Mismatch(exchange, ".".join(place), what)

    def _request(self, exchange: Exchange) -> Request:
        headers = {"content-type": "application/json", **exchange.headers}
        if exchange.app_id:
            headers["authorization"] = f"Bearer {self._app(exchange.app_id).admin_token}"
        body = b""
        if exchange.body is not None:
            form, content = next(iter(exchange.body.items()))
            if form == "json" and isinstance(content, dict) and isinstance(content.get("code"), str):
                content = content | {"code": self._names.get(content["code"], content["code"])}
            body = (json.dumps(content) if form == "json" else content).encode()
        self._asked.update(_UUID.findall(body.decode()))
        return Request(
            exchange.method,
            self._translated(exchange.path),
            self._translated(exchange.query),
            {name: self._translated(value) for name, value in headers.items()},
            self._translated(body.decode()).encode(),
        )

    def _app(self, app_id: str) -> App:
        return self._standin.ensure_app("recorded", app_id)

    def _translated(self, text: str) -> str:
        return _UUID.sub(lambda match: self._names.get(match[0], match[0]), text)

    def _learn(self, recorded: Any, ours: Any) -> None:
        if isinstance(recorded, dict) and isinstance(ours, dict):
            for key in recorded.keys() & ours.keys():
                if key == "code" and isinstance(ours[key], str):
                    self._names[recorded[key]] = ours[key]
                self._learn(recorded[key], ours[key])
        elif isinstance(recorded, list) and isinstance(ours, list):
            for left, right in paired(recorded, ours):
                self._learn(left, right)
        elif _UUID.fullmatch(str(recorded)) and _UUID.fullmatch(str(ours)) and recorded not in self._asked:
            self._names.setdefault(recorded, ours)

    def _tick(self) -> float:
        self._now += _TICK_S
        return self._now


def _differences(recorded: Any, ours: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where two answers differ: in their keys and kinds everywhere, in their values unless those are made up."""
    if type(recorded) is not type(ours):
        yield place, f"{recorded!r:.200}, but ours is {ours!r:.200}"
    elif isinstance(recorded, dict):
        yield from (
            ((*place, key), "only recorded" if key in recorded else "only ours")
            for key in sorted(recorded.keys() ^ ours.keys())
        )
        for key in sorted((recorded.keys() & ours.keys()) - _DATABASE_COUNTS):
            yield from _differences(recorded[key], ours[key], (*place, key))
    elif isinstance(recorded, list) and len(recorded) == len(ours):
        for left, right in paired(recorded, ours):
            yield from _differences(left, right, (*place, "*"))
    elif recorded != ours and not _MADE_UP & set(place) and not _are_codes(recorded, ours):
        yield place, f"{recorded!r:.200}, but ours is {ours!r:.200}"


def _are_codes(*values: Any) -> bool:
    return all(isinstance(value, str) and _CODE.fullmatch(value) for value in values)


def paired(left: list[Any], right: list[Any]) -> Iterator[tuple[Any, Any]]:
    """The items of two lists side by side: attributes and steps on them by their names, all else by position."""
    names = {_name(item): item for item in right}
    if None not in names and all(_name(item) in names for item in left) and len(names) == len(right):
        return ((item, names[_name(item)]) for item in left)
    return zip(left, right, strict=False)


def _name(item: Any) -> object:
    body = item[1] if isinstance(item, list) and len(item) == 2 and isinstance(item[1], dict) else item
    if not isinstance(body, dict) or "forward-identity" not in body:
        return None
    kind = item[0] if isinstance(item, list) else ""
    return (str(kind), *body["forward-identity"][1:])


def _parsed(response: Response) -> Any:
    try:
        return json.loads(response.body)
    except ValueError:
        return None
