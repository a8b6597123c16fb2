"""The vendor's Python package: `Instant`, and `AsyncInstant` where only that can do it."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from instantdb import AsyncInstant, Instant, InstantAPIError

from tests.contract.clients import WAIT_S, ContractClient, Query, Refused, SignedIn, Steps, Tree, Who


class PythonSdk(ContractClient):
    """`instantdb` from PyPI."""

    name = "instantdb"

    def __init__(self, *, api_uri: str, app_id: str, admin_token: str) -> None:
        self._where: dict[str, Any] = {"api_uri": api_uri, "app_id": app_id, "admin_token": admin_token}
        self._db = Instant(**self._where)

    def query(self, query: Query, who: Who = None, rule_params: Mapping[str, Any] | None = None) -> Tree:
        with _refusals():
            return self._as(who).query(query, rule_params=None if rule_params is None else dict(rule_params))

    def transact(self, steps: Steps, who: Who = None) -> None:
        with _refusals():
            self._as(who).transact(self._chunks(steps))

    def check_query(self, query: Query, who: Who, rules: Any) -> tuple[Tree, list[bool]]:
        check = self._as(who).debug_query(query, rules=rules)
        return check["result"], [each["check"] for each in check["check_results"]]

    def check_transact(self, steps: Steps, who: Who, rules: Any) -> tuple[bool, list[bool]]:
        check = self._as(who).debug_transact(self._chunks(steps), rules=rules)
        return check["all-checks-ok?"], [each["check-pass?"] for each in check["check-results"]]

    def magic_code(self, email: str) -> str:
        with _refusals():
            return self._db.auth.generate_magic_code(email)

    def sign_in(self, email: str, code: str) -> SignedIn:
        with _refusals():
            user, created = self._db.auth.check_magic_code(email=email, code=code)
        return SignedIn(user["id"], user["refresh_token"], created)

    def create_token(self, email: str) -> str:
        return self._db.auth.create_token(email=email)

    def whose(self, token: str) -> str:
        with _refusals():
            return str(self._db.auth.verify_token(token)["id"])

    def sign_out(self, token: str) -> None:
        self._db.auth.sign_out(refresh_token=token)

    def user_id(self, email: str) -> str | None:
        user = self._db.auth.get_user(email=email)
        return None if user is None else user["id"]

    def delete_user(self, email: str) -> str | None:
        user = self._db.auth.delete_user(email=email)
        return None if user is None else user["id"]

    def people_in(self, room: str) -> int:
        return len(self._db.rooms.get_presence("desk", room))

    @contextmanager
    def watch(self, query: Query, who: Who = None) -> Iterator[Iterator[Tree]]:
        arrived: queue.Queue[Any] = queue.Queue()
        loop = asyncio.new_event_loop()
        done = asyncio.Event()

        async def listen() -> None:
            async with AsyncInstant(**self._where) as client:
                rights = client if who is None else client.as_user(**who)
                async with rights.subscribe_query(query) as payloads:
                    reading = asyncio.ensure_future(_pass_on(payloads, arrived))
                    await done.wait()
                    reading.cancel()
                    await asyncio.wait([reading])

        thread = threading.Thread(target=loop.run_until_complete, args=(listen(),))
        thread.start()
        try:
            yield _trees(arrived)
        finally:
            loop.call_soon_threadsafe(done.set)
            thread.join(WAIT_S)
            loop.close()

    def close(self) -> None:
        self._db.close()

    def _as(self, who: Who) -> Instant:
        return self._db if who is None else self._db.as_user(**who)

    def _chunks(self, steps: Steps) -> Any:
        chunks = []
        for action, namespace, entity, *details in steps:
            row = self._db.tx[namespace][entity]
            chunks.append(getattr(row, action)(*details))
        return chunks


async def _pass_on(payloads: Any, arrived: queue.Queue[Any]) -> None:
    async for payload in payloads:
        arrived.put(payload)


def _trees(arrived: queue.Queue[Any]) -> Iterator[Tree]:
    while True:
        payload = arrived.get(timeout=WAIT_S)
        if payload["type"] == "error":
            raise Refused.of_body(payload["error"].status, payload["error"].body)
        yield payload["data"]


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except InstantAPIError as exc:
        raise Refused.of_body(exc.status, exc.body) from exc
