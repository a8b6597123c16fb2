"""Our own client. What it does not do, nobody here needs: those cases are skipped for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest

from instant_admin.client.admin import Connection, InstantAdmin
from instant_admin.client.errors import InstantBroken, InstantRejected
from tests.contract.clients import ContractClient, Query, Refused, SignedIn, Steps, Tree, Who


class OurClient(ContractClient):
    """`instant_admin`."""

    name = "instant_admin"

    def __init__(self, *, api_uri: str, app_id: str, admin_token: str) -> None:
        self._db = InstantAdmin(api_uri=api_uri, app_id=app_id, admin_token=admin_token)
        self._ids: dict[str, str] = {}

    def query(self, query: Query, who: Who = None, rule_params: Mapping[str, Any] | None = None) -> Tree:
        asked = query if rule_params is None else query | {"$$ruleParams": dict(rule_params)}
        with _refusals():
            return self._as(who).query(asked)

    def transact(self, steps: Steps, who: Who = None) -> None:
        with _refusals():
            self._as(who).transact(steps)

    def check_query(self, query: Query, who: Who, rules: Any) -> tuple[Tree, list[bool]]:
        _left_out()

    def check_transact(self, steps: Steps, who: Who, rules: Any) -> tuple[bool, list[bool]]:
        _left_out()

    def magic_code(self, email: str) -> str:
        with _refusals():
            return self._db.magic_code(email)

    def sign_in(self, email: str, code: str) -> SignedIn:
        with _refusals():
            answer = self._db.verify_magic_code(email, code)
        user = answer["user"]
        self._ids[user["refresh_token"]] = user["id"]
        return SignedIn(user["id"], user["refresh_token"], answer["created"])

    def create_token(self, email: str) -> str:
        user = self._db.create_token(email=email)["user"]
        self._ids[user["refresh_token"]] = user["id"]
        return user["refresh_token"]

    def whose(self, token: str) -> str:
        with _refusals():
            self._db.as_member(token).query({"notes": {}})
        return self._ids[token]

    def sign_out(self, token: str) -> None:
        self._db.sign_out(token)

    def user_id(self, email: str) -> str | None:
        found = self._db.query({"$users": {"$": {"where": {"email": email}}}})["$users"]
        return str(found[0]["id"]) if found else None

    def delete_user(self, email: str) -> str | None:
        user = self._db.delete_user(email=email)
        return None if user is None else user["id"]

    def people_in(self, room: str) -> int:
        _left_out()

    @contextmanager
    def watch(self, query: Query, who: Who = None) -> Iterator[Iterator[Tree]]:
        with _refusals(), self._as(who).subscribe_query(query) as trees:
            yield trees

    def close(self) -> None:
        """Nothing to close."""

    def _as(self, who: Who) -> Connection:
        match who:
            case None:
                return self._db
            case {"token": token}:
                return self._db.as_member(token)
            case {"email": email}:
                return self._db.as_email(email)
            case {"guest": True}:
                return self._db.as_guest()
        _left_out()


def _left_out() -> NoReturn:
    pytest.skip("our client leaves this out")


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (InstantRejected, InstantBroken) as exc:
        refusal = exc.refusal
        raise Refused(refusal.status, refusal.type, refusal.data_type, refusal.label) from exc
