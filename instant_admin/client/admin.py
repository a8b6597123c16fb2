"""A client of Instant's admin HTTP API: typed, with timeouts, and honest about what may have happened.

    instant = InstantAdmin(api_uri="http://localhost:8888", app_id=…, admin_token=…)
    instant.query({"haikus": {"$": {"where": {"topic": "rain"}}}})
    instant.transact([create("haikus", uuid4(), {"topic": "rain", …})])
    instant.as_member(refresh_token).query({"haikus": {}})      # under the app's permission rules
    for tree in instant.live_query({"haikus": {}}): …           # now, and after each change

Signing in, users, schema, rules and files are in `InstantAdmin`'s base classes, a module each. Every method
raises `InstantError` (see `errors.py`). Safe to share between threads.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

import requests

from instant_admin.client import protocol
from instant_admin.client.app_documents import AppDocuments
from instant_admin.client.files import Files
from instant_admin.client.perms_check import QueryCheck, TransactCheck, read_query_check, read_transact_check
from instant_admin.client.protocol import ADMIN, GUEST, Call, Identity
from instant_admin.client.subscriptions import SILENCE_LIMIT_S, LiveQuery, Subscription, newest_of
from instant_admin.client.transport import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, Transport
from instant_admin.client.types import PeerSession, Query, Step, Tree
from instant_admin.client.users import People


class Connection:
    """Queries and transactions with one set of rights. `InstantAdmin` is one, and so is what `as_member` gives."""

    def __init__(self, transport: Transport, identity: Identity) -> None:
        self._transport = transport
        self._identity = identity

    def query(self, query: Query, *, rule_params: Mapping[str, Any] | None = None) -> Tree:
        """Run an InstaQL query; the answer has every top-level key that was asked for, at worst as `[]`.

        Links come back as lists; a has-one link that is not expanded comes back as the linked id. A name that
        the app does not know gives `[]`, not an error. The whole tree is one snapshot.
        Source: `POST /admin/query`.
        """
        asked = _with_rule_params(query, rule_params)
        call = Call("POST", "/admin/query", {"query": asked}, identity=self._identity, effect="none")
        return protocol.read_tree(asked, self._transport.send(call))

    def transact(self, steps: Sequence[Step]) -> int:
        """Do all of `steps` or none, and return Instant's transaction number.

        Names that the schema lacks are refused, never created: a typo would make a new attribute that is not
        unique. Never retried here; `exc.may_have_been_written` tells what a failure means.
        Source: `POST /admin/transact`.
        """
        body = {"steps": list(steps), "throw-on-missing-attrs?": True}
        answer = self._transport.send(Call("POST", "/admin/transact", body, identity=self._identity))
        if not isinstance(answer.get("tx-id"), int):
            raise protocol.nonsense("a transaction without a number")
        return int(answer["tx-id"])

    def subscribe_query(self, query: Query, *, rule_params: Mapping[str, Any] | None = None) -> Subscription:
        """The query's answer, and again, whole, each time that it has changed, over one connection.

        What is wrong with the query or the caller is raised here; `SubscriptionLost` while iterating. Whose
        rights it has is settled when it opens: sign-out does not end it. Close it, or use it as a context.
        Source: `POST /admin/subscribe-query`.
        """
        asked = _with_rule_params(query, rule_params)
        call = Call(
            "POST", "/admin/subscribe-query", {"query": asked}, identity=self._identity, effect="none"
        )
        return Subscription(asked, self._transport.listen(call, silence_limit_s=SILENCE_LIMIT_S))

    def asubscribe_query(
        self, query: Query, *, rule_params: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[Tree]:
        """`subscribe_query` for a coroutine. Of trees that come faster than they are taken, the newest is kept.

        All errors are raised while iterating. Leave it by cancelling, or with `contextlib.aclosing`.
        """
        return newest_of(lambda: self.subscribe_query(query, rule_params=rule_params))

    def live_query(self, query: Query, *, rule_params: Mapping[str, Any] | None = None) -> LiveQuery:
        """`subscribe_query` that connects again until it is closed; see `LiveQuery`."""
        return LiveQuery(lambda: self.subscribe_query(query, rule_params=rule_params))


class Impersonation(Connection):
    """A connection with the rights of a member or a guest, whose permission rules can also be tried out."""

    def query_perms_check(
        self,
        query: Query,
        *,
        rules: Mapping[str, Any] | None = None,
        rule_params: Mapping[str, Any] | None = None,
    ) -> QueryCheck:
        """Run a query and say what each rule answered; with `rules`, by those instead of the app's.

        Needs the admin token, which is sent along. Source: `POST /admin/query_perms_check`.
        """
        asked = _with_rule_params(query, rule_params)
        body = {"query": asked} | _rules_override(rules)
        return read_query_check(asked, self._try_out("/admin/query_perms_check", body, writes=False))

    def transact_perms_check(
        self, steps: Sequence[Step], *, rules: Mapping[str, Any] | None = None, commit: bool = False
    ) -> TransactCheck:
        """Do `steps`, say what each rule answered, and undo them; with `commit`, keep them if all passed.

        Needs the admin token, which is sent along. Source: `POST /admin/transact_perms_check`.
        """
        body = {"steps": list(steps), "throw-on-missing-attrs?": True, "dangerously-commit-tx": commit}
        path = "/admin/transact_perms_check"
        return read_transact_check(self._try_out(path, body | _rules_override(rules), writes=commit))

    def _try_out(self, path: str, body: Mapping[str, Any], *, writes: bool) -> dict[str, Any]:
        identity = replace(self._identity, needs_admin_token=True)
        call = Call("POST", path, body, identity=identity, effect="each" if writes else "none")
        return self._transport.send(call)


class InstantAdmin(People, AppDocuments, Files, Connection):
    """Instant with the rights of the app's admin token, which skip every permission rule.

    `sleep` and `new_session` are arguments so that time and the network can be simulated.
    """

    def __init__(
        self,
        *,
        api_uri: str,
        app_id: str,
        admin_token: str,
        timeout_s: tuple[float, float] = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
        sleep: Callable[[float], None] = time.sleep,
        new_session: Callable[[], requests.Session] = requests.Session,
    ) -> None:
        self.app_id = app_id
        self.api_uri = api_uri.rstrip("/")
        transport = Transport(
            api_uri=self.api_uri,
            app_id=app_id,
            admin_token=admin_token,
            timeout_s=timeout_s,
            sleep=sleep,
            new_session=new_session,
        )
        super().__init__(transport, ADMIN)

    # Acting as someone else

    def as_member(self, refresh_token: str) -> Impersonation:
        """The rights of the member with this refresh token; raises `MemberTokenRefused` when it is used up."""
        return Impersonation(self._transport, protocol.member_by_token(refresh_token))

    def as_email(self, email: str) -> Impersonation:
        """The rights of the member with exactly this stored email (Instant stores sign-ins in lower case)."""
        return Impersonation(self._transport, protocol.member_by_email(email))

    def as_guest(self) -> Impersonation:
        """The rights of someone who is not signed in."""
        return Impersonation(self._transport, GUEST)

    # Beside data and people

    def check_health(self) -> datetime | None:
        """Ask whether the server is well, and what time it is there (in whole seconds, if it says).

        Raises `InstantError` when it is not. Source: `GET /health/system`.
        """
        return self._transport.send_dated(Call("GET", "/health/system", effect="none"))[1]

    def presence(self, room_id: str, *, room_type: str = "_default") -> dict[str, PeerSession]:
        """Who is in a room now, by session; empty when nobody is. Source: `GET /admin/rooms/presence`."""
        params = {"room-type": room_type, "room-id": room_id}
        answer = self._transport.send(Call("GET", "/admin/rooms/presence", params=params, effect="none"))
        return cast("dict[str, PeerSession]", answer.get("sessions") or {})


def _with_rule_params(query: Query, rule_params: Mapping[str, Any] | None) -> Query:
    return query if rule_params is None else query | {"$$ruleParams": dict(rule_params)}


def _rules_override(rules: Mapping[str, Any] | None) -> dict[str, Any]:
    return {} if rules is None else {"rules-override": dict(rules)}
