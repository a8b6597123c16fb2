"""What a client of Instant can do, said once, so that one table of cases runs through all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

# How a driver waits for something that should happen at once.
WAIT_S = 15.0

Who = Mapping[str, Any] | None  # the admin, `{"token": …}`, `{"email": …}` or `{"guest": True}`
Query = dict[str, Any]
Tree = dict[str, Any]
Steps = Sequence[list[Any]]
GUEST: Who = {"guest": True}


class Refused(Exception):
    """Instant's refusal as a client passes it on."""

    def __init__(self, status: int, kind: str, data_type: str = "", label: str = "") -> None:
        super().__init__(f"{status} {kind} {data_type} {label}")
        self.status = status
        self.kind = kind
        self.data_type = data_type
        self.label = label

    @classmethod
    def of_body(cls, status: int, body: Any) -> Refused:
        """From the body that the client kept."""
        hint = body.get("hint") or {}
        return cls(status, body["type"], hint.get("data-type") or "", hint.get("label") or "")


@dataclass(frozen=True)
class SignedIn:
    """Who came in: their id, their refresh token, and whether they are new."""

    user_id: str
    token: str
    created: bool


class ContractClient(Protocol):
    """One client library, pointed at one app."""

    name: str

    def query(self, query: Query, who: Who = None, rule_params: Mapping[str, Any] | None = None) -> Tree: ...
    def transact(self, steps: Steps, who: Who = None) -> None: ...
    def check_query(self, query: Query, who: Who, rules: Any) -> tuple[Tree, list[bool]]: ...
    def check_transact(self, steps: Steps, who: Who, rules: Any) -> tuple[bool, list[bool]]: ...
    def magic_code(self, email: str) -> str: ...
    def sign_in(self, email: str, code: str) -> SignedIn: ...
    def create_token(self, email: str) -> str: ...
    def whose(self, token: str) -> str: ...
    def sign_out(self, token: str) -> None: ...
    def user_id(self, email: str) -> str | None: ...
    def delete_user(self, email: str) -> str | None: ...
    def people_in(self, room: str) -> int: ...
    def watch(self, query: Query, who: Who = None) -> AbstractContextManager[Iterator[Tree]]: ...
    def close(self) -> None: ...
