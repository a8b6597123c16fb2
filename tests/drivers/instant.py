"""The real client on a network of no length: a `requests` adapter in front of a stand-in's handler.

Everything of the client and of requests runs; only the socket is missing. What can go wrong between two
machines can go wrong here too, when a test asks for it.
"""

from __future__ import annotations

import copy
import io
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPConnectionPool, HTTPResponse
from urllib3.connection import HTTPConnection
from urllib3.exceptions import MaxRetryError, NewConnectionError

from instant_admin import configured
from instant_admin.client.admin import InstantAdmin
from instant_admin.client.breaker import Breaker
from instant_admin.client.schema import push, read_documents
from instant_admin.ledger.store import BalanceStore
from sandbox.instant.standin import InstantStandIn
from sandbox.serving import Handler, Request, Response
from sandbox.world import World

DOCUMENTS = read_documents(Path(__file__).resolve().parent.parent.parent / "instant")
APP_ID = "10000000-0000-4000-8000-000000000000"
# Called with the request and a function that does the work; may refuse to, or lose the answer.
Work = Callable[[], Response]
Network = Callable[[Request, Work], Response]


def schema_without_guard(label: str) -> dict[str, Any]:
    """Our schema, but that this attribute of an entry need not be unique."""
    schema: dict[str, Any] = copy.deepcopy(dict(DOCUMENTS.schema))
    schema["entities"]["creditEntries"]["attrs"][label]["config"]["unique"] = False
    return schema


class HandlerAdapter(BaseAdapter):
    """Carries requests to a stand-in's handler, over `network`."""

    def __init__(self, handler: Handler, network: Network = lambda request, work: work()) -> None:
        super().__init__()
        self._handler = handler
        self._network = network

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        url = urlsplit(request.url or "")
        body = request.body or b""
        sent = Request(
            method=request.method or "GET",
            path=url.path,
            query=url.query,
            headers={name.lower(): str(value) for name, value in request.headers.items()},
            body=body if isinstance(body, bytes) else body.encode(),
        )
        return _response(request, self._network(sent, lambda: self._handler(sent)))

    def close(self) -> None:
        """Nothing to close."""


def _response(request: requests.PreparedRequest, answer: Response) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.headers.update(answer.headers)
    response.raw = HTTPResponse(io.BytesIO(answer.body), headers=dict(answer.headers), preload_content=False)
    response.request = request
    response.url = request.url or ""
    return response


def refused() -> requests.ConnectionError:
    """What requests raises when nobody listens: there was no connection to send anything on."""
    pool = HTTPConnectionPool("instant.test")
    reason = NewConnectionError(HTTPConnection(pool.host), "refused")
    return requests.ConnectionError(MaxRetryError(pool, "/", reason))


def at(path: str, answer: Callable[[Work], Response]) -> Network:
    """A network on which requests to `path` are answered so; all others pass."""
    return lambda request, work: answer(work) if request.path == path else work()


def session_to(handler: Handler | None, network: Network = lambda request, work: work()) -> requests.Session:
    """A session whose every request goes to `handler`, over `network`; without one, to wherever it is sent."""
    session = requests.Session()
    session.trust_env = False
    if handler is not None:
        session.mount("http://", HandlerAdapter(handler, network))
    return session


def never_open() -> Breaker:
    """A breaker that lets every call through."""
    return Breaker("a stand-in", trial_every_s=0)


class LoopbackInstant:
    """An Instant stand-in with one app, its schema and rules pushed, and clients for it. In memory, or on a file.

    Pushing takes time, so the usual one is a copy.
    """

    def __init__(
        self,
        *,
        app_id: str = APP_ID,
        documents: bool = True,
        clock: Callable[[], float] | None = None,
        database: Path | str = ":memory:",
        pause: Callable[[str], None] = lambda where: None,
    ) -> None:
        self.now = 1_800_000_000.0
        clock, is_usual = (
            clock or (lambda: self.now),
            documents and (app_id, database) == (APP_ID, ":memory:"),
        )
        rng = random.Random(f"{app_id} {is_usual}")  # a copy must not begin with the ids of what it has
        if is_usual:
            self.standin = _with_documents().copy(clock=clock, rng=rng, pause=pause)
        else:
            self.standin = InstantStandIn(database=database, clock=clock, rng=rng, pause=pause)
        self.app = self.standin.ensure_app("loopback", app_id)
        self.admin = self.client()
        if documents and not is_usual:
            list(push(self.admin, DOCUMENTS, dry_run=False))

    def client(
        self, network: Network = lambda request, work: work(), *, read_only: bool = False
    ) -> InstantAdmin:
        """A client of the app, over `network`; it does not wait between its tries."""
        return InstantAdmin(
            api_uri="http://instant.test",
            app_id=str(self.app.id),
            admin_token=str(self.app.admin_token),
            sleep=lambda seconds: None,
            read_only=read_only,
            adapter=HandlerAdapter(self.standin.handle, network),
            breaker=never_open(),
        )

    @contextmanager
    def asked_by_the_site(self) -> Iterator[None]:
        """The site's verbs and views talk to this app until the block ends."""
        with configured.using(self.admin, BalanceStore(self.admin)):
            yield

    def member(self, email: str = "ada@example.com") -> tuple[UUID, str]:
        """A new member: their id and their refresh token."""
        user = self.admin.create_token(email=email)["user"]
        return UUID(user["id"]), user["refresh_token"]


def admin_of(world: World) -> InstantAdmin:
    """Instant as the admin of a world's app."""
    keys = world.keys
    return InstantAdmin(
        api_uri=world.instant.url, app_id=keys.instant_app_id, admin_token=keys.instant_admin_token
    )


@cache
def _with_documents() -> InstantStandIn:
    pushed = LoopbackInstant(documents=False)
    list(push(pushed.admin, DOCUMENTS, dry_run=False))
    return pushed.standin
