"""Our own client as a driver."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from instant_admin.client.admin import Connection, Impersonation, InstantAdmin
from instant_admin.client.errors import InstantBroken, InstantRejected
from tests.contract.driver import Driver, Query, Refused, SignedIn, Steps, Tree, Who


class Ours(Driver):
    """`instant_admin`."""

    name = "instant_admin"

    def __init__(self, *, api_uri: str, app_id: str, admin_token: str) -> None:
        self._db = InstantAdmin(api_uri=api_uri, app_id=app_id, admin_token=admin_token)

    def query(self, query: Query, who: Who = None, rule_params: Mapping[str, Any] | None = None) -> Tree:
        with _refusals():
            return self._as(who).query(query, rule_params=rule_params)

    def transact(self, steps: Steps, who: Who = None) -> None:
        with _refusals():
            self._as(who).transact(steps)

    def check_query(self, query: Query, who: Who, rules: Any) -> tuple[Tree, list[bool]]:
        check = self._impersonating(who).query_perms_check(query, rules=rules)
        return check.tree, [each.passed for each in check.checks]

    def check_transact(self, steps: Steps, who: Who, rules: Any) -> tuple[bool, list[bool]]:
        check = self._impersonating(who).transact_perms_check(steps, rules=rules)
        return check.passed, [each.passed for each in check.checks]

    def magic_code(self, email: str) -> str:
        with _refusals():
            return self._db.magic_code(email)

    def sign_in(self, email: str, code: str) -> SignedIn:
        with _refusals():
            answer = self._db.verify_magic_code(email, code)
        return SignedIn(answer["user"]["id"], answer["user"]["refresh_token"], answer["created"])

    def create_token(self, email: str) -> str:
        return self._db.create_token(email=email)["user"]["refresh_token"]

    def whose(self, token: str) -> str:
        with _refusals():
            return self._db.verify_refresh_token(token)["id"]

    def sign_out(self, token: str) -> None:
        self._db.sign_out(token)

    def user_id(self, email: str) -> str | None:
        user = self._db.user(email=email)
        return None if user is None else user["id"]

    def delete_user(self, email: str) -> str | None:
        user = self._db.delete_user(email=email)
        return None if user is None else user["id"]

    def people_in(self, room: str) -> int:
        return len(self._db.presence(room, room_type="desk"))

    @contextmanager
    def watch(self, query: Query, who: Who = None) -> Iterator[Iterator[Tree]]:
        with _refusals(), self._as(who).subscribe_query(query) as trees:
            yield trees

    def close(self) -> None:
        """Nothing to close."""

    def _as(self, who: Who) -> Connection:
        return self._db if who is None else self._impersonating(who)

    def _impersonating(self, who: Who) -> Impersonation:
        match who:
            case {"token": token}:
                return self._db.as_member(token)
            case {"email": email}:
                return self._db.as_email(email)
        return self._db.as_guest()


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (InstantRejected, InstantBroken) as exc:
        refusal = exc.refusal
        raise Refused(refusal.status, refusal.type, refusal.data_type, refusal.label) from exc
