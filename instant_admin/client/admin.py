"""A client of Instant's admin HTTP API: typed, with timeouts, and honest about what may have happened.

    instant = InstantAdmin(api_uri="http://localhost:8888", app_id=…, admin_token=…)
    instant.query({"notes": {"$": {"where": {"text": "rain"}}}})
    instant.transact([create("notes", uuid4(), {"text": "rain", …})])
    instant.as_member(refresh_token).query({"notes": {}})      # under the app's permission rules

Signing in and users, schema and rules are in `InstantAdmin`'s base classes, a module each. Every method
raises `InstantError` (see `errors.py`). Safe to share between threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from requests.adapters import BaseAdapter

from instant_admin.client import protocol
from instant_admin.client.breaker import Breaker
from instant_admin.client.protocol import ADMIN, GUEST, Call, Identity
from instant_admin.client.schema import SchemaAndRules
from instant_admin.client.subscriptions import SILENCE_LIMIT_S, Subscription
from instant_admin.client.transport import (
    CONNECT_TIMEOUT_S,
    READ_TIMEOUT_S,
    OnCall,
    Transport,
    default_adapter,
)
from instant_admin.client.types import Query, Step, Tree
from instant_admin.client.users import Users


class Connection:
    """Queries and transactions with one set of rights. `InstantAdmin` is one, and so is what `as_member` gives."""

    def __init__(self, transport: Transport, identity: Identity) -> None:
        self._transport = transport
        self._identity = identity

    def query(self, query: Query) -> Tree:
        """Run an InstaQL query; the answer has every top-level key that was asked for, at worst as `[]`.

        Links come back as lists; a has-one link that is not expanded comes back as the linked id. A name that
        the app does not know gives `[]`, not an error. The whole tree is one snapshot.
        Source: `POST /admin/query`.
        """
        call = Call("POST", "/admin/query", {"query": query}, identity=self._identity, effect="none")
        return protocol.read_tree(query, self._transport.send(call))

    def transact(self, steps: Sequence[Step]) -> int:
        """Do all of `steps` or none, and return Instant's transaction number.

        Names that the schema lacks are refused, never created: a typo would make a new attribute that is not
        unique. Never retried here; `exc.may_have_been_written` tells what a failure means.
        Source: `POST /admin/transact`.
        """
        body = {"steps": list(steps), "throw-on-missing-attrs?": True}
        answer = self._transport.send(Call("POST", "/admin/transact", body, identity=self._identity))
        number = answer.get("tx-id")
        if not isinstance(number, int) or isinstance(number, bool):
            raise protocol.nonsense("a transaction without a number")
        return number

    def subscribe_query(self, query: Query) -> Subscription:
        """The query's answer, and again, whole, each time that it has changed, over one connection.

        What is wrong with the caller is raised here; `SubscriptionLost` while iterating, also for a query that
        Instant does not take. Whose
        rights it has is settled when it opens: sign-out does not end it. Close it, or use it as a context.
        Source: `POST /admin/subscribe-query`.
        """
        call = Call(
            "POST", "/admin/subscribe-query", {"query": query}, identity=self._identity, effect="none"
        )
        return Subscription(query, self._transport.listen(call, silence_limit_s=SILENCE_LIMIT_S))


class Impersonation(Connection):
    """A connection with the rights of a member or a guest, whose permission rules can also be tried out."""

    def may_transact(self, steps: Sequence[Step]) -> bool:
        """Do `steps`, see whether every permission rule lets them pass, and undo them.

        Needs the admin token, which is sent along. Raises `NoSuchRoute` where a server has no such check.
        Source: `POST /admin/transact_perms_check`.
        """
        body = {"steps": list(steps), "throw-on-missing-attrs?": True, "dangerously-commit-tx": False}
        identity = replace(self._identity, needs_admin_token=True)
        call = Call("POST", "/admin/transact_perms_check", body, identity=identity, effect="none")
        passed = self._transport.send(call).get("all-checks-ok?")
        if not isinstance(passed, bool):
            raise protocol.nonsense("a permission check without an outcome")
        return passed


class InstantAdmin(Users, SchemaAndRules, Connection):
    """Instant with the rights of the app's admin token, which skip every permission rule.

    With `read_only` whatever would write is `InstantBusy`, and not sent. `verify` may be the path of a certificate
    bundle, for a server that no public authority knows. `sleep`, `adapter` and `breaker` are arguments so that time
    and the network can be simulated; an adapter may also go through a proxy. `on_call` is told of each try.
    """

    def __init__(
        self,
        *,
        api_uri: str,
        app_id: str,
        admin_token: str,
        timeout_s: tuple[float, float] = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
        sleep: Callable[[float], None] = time.sleep,
        verify: bool | str = True,
        read_only: bool = False,
        adapter: BaseAdapter | None = None,
        breaker: Breaker | None = None,
        on_call: OnCall = lambda status, seconds: None,
    ) -> None:
        self.app_id = app_id
        self.api_uri = api_uri.rstrip("/")
        transport = Transport(
            api_uri=self.api_uri,
            app_id=app_id,
            admin_token=admin_token,
            timeout_s=timeout_s,
            sleep=sleep,
            adapter=adapter or default_adapter(),
            verify=verify,
            read_only=read_only,
            breaker=breaker or Breaker("Instant"),
            on_call=on_call,
        )
        super().__init__(transport, ADMIN)

    # Acting as someone else

    def as_member(self, refresh_token: str) -> Impersonation:
        """The rights of the member with this refresh token; raises `MemberTokenRefused` when it is used up."""
        return Impersonation(self._transport, protocol.member_by_token(refresh_token))

    def as_email(self, email: str) -> Impersonation:
        """The rights of the member with this email; raises `MemberTokenRefused` when there is none."""
        return Impersonation(self._transport, protocol.member_by_email(email))

    def as_guest(self) -> Impersonation:
        """The rights of someone who is not signed in."""
        return Impersonation(self._transport, GUEST)

    def check_health(self) -> datetime | None:
        """Ask whether the server is well, and what time it is there (in whole seconds, if it says).

        Raises `InstantError` when it is not. Source: `GET /health/system`.
        """
        return self._transport.send_dated(Call("GET", "/health/system", effect="none"))[1]
