"""The stand-in as one function: a request goes in, Instant's answer comes out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Final

from sandbox.instant import admin_routes, app_routes
from sandbox.instant.apps import App, Apps
from sandbox.instant.auth import Auth, Mailer
from sandbox.instant.call import Call, NotJson
from sandbox.instant.contention import Contention, RowLocks
from sandbox.instant.errors import ApiError, not_found
from sandbox.instant.limits import Limiter
from sandbox.instant.storage import Storage
from sandbox.instant.subscriptions import subscribe
from sandbox.instant.transact import Backend, Clock, Pause
from sandbox.instant.values import Json
from sandbox.serving import Request, Response

_Route = Callable[["InstantStandIn", Call], Json | Response]


@dataclass(frozen=True, slots=True)
class _Match:
    method: str
    path: re.Pattern[str]
    answer: _Route


class InstantStandIn:
    """One file of apps behind Instant's HTTP API. Safe to call from many threads, and starts none.

    `clock` gives seconds since 1970 and `rng` every id, code and token, so that a run can be repeated exactly.
    `pause` is called, with nothing locked, between the questions a transact asks and its write: there another
    request may overtake it, as in the real server. `mailer` gets the address and the code of a mail. An idle
    live query says that it is alive every `keep_alive_s`. With `contention` a transact takes its time and waits
    for others as in PostgreSQL; without, it is done at once.
    """

    def __init__(
        self,
        *,
        database: str | Path,
        clock: Clock,
        rng: Random,
        pause: Pause = lambda where: None,
        mailer: Mailer = lambda email, code: None,
        keep_alive_s: float = 15.0,
        contention: Contention | None = None,
    ) -> None:
        self.storage = Storage(database)
        self.apps = Apps(self.storage, rng)
        locks = None if contention is None else RowLocks(contention)
        self.backend = Backend(self.storage, clock, rng, Limiter(), pause, keep_alive_s, locks)
        self.mailer = mailer

    def ensure_app(self, title: str, app_id: str | None = None, admin_token: str | None = None) -> App:
        """The app of this id, made if it is not there; without an id a new one."""
        return self.apps.ensure(title, app_id, admin_token)

    def copy(
        self,
        *,
        clock: Clock,
        rng: Random,
        pause: Pause = lambda where: None,
        contention: Contention | None = None,
    ) -> InstantStandIn:
        """Another stand-in, in memory, with all that this one has: quicker than setting one up again."""
        other = InstantStandIn(
            database=":memory:", clock=clock, rng=rng, pause=pause, mailer=self.mailer, contention=contention
        )
        self.storage.copy_into(other.storage)
        return other

    def close(self) -> None:
        """Give the file back."""
        self.storage.close()

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        call = Call(request, self.apps, self.backend)
        try:
            answer = self._answer(call)
        except ApiError as exc:
            return exc.response(f"{self.backend.rng.getrandbits(128):032x}")
        except NotJson:
            text = b"Malformed JSON in request body."
            return Response(status=400, body=text, headers={"content-type": "text/plain"})
        return answer if isinstance(answer, Response) else Response.json(answer)

    def auth(self, app: App) -> Auth:
        """The sign-in routes of an app."""
        return Auth(self.backend, app, self.mailer)

    def _answer(self, call: Call) -> Json | Response:
        method, path = call.request.method, call.request.path
        plain = _PLAIN.get((method, path))
        if plain is not None:
            return plain(self, call)
        for route in _WITH_IDS:
            match = route.path.fullmatch(path)
            if match and route.method == method:
                return route.answer(self, replace(call, args=match.groupdict()))
        # An address that Instant does not know is answered like a success with nothing to say.
        return Response()


def _hello(standin: InstantStandIn, call: Call) -> Response:
    return Response(body=b"<h1>A stand-in for Instant</h1>", headers={"content-type": "text/html"})


def _verify_refresh_token(standin: InstantStandIn, call: Call) -> Json:
    app_id, token = admin_routes.runtime_token(call)
    app = standin.apps.get(app_id)
    if app is None:
        raise not_found("app-user", {"app-id": app_id, "refresh-token": token})
    return standin.auth(app).verify_refresh_token(token)


def _of_call(answer: Callable[[Call], Json | Response]) -> _Route:
    return lambda standin, call: answer(call)


def _of_auth(answer: Callable[[Auth, Json], Json]) -> _Route:
    return lambda standin, call: answer(standin.auth(call.admin_app()), call.body)


_PLAIN: Final[dict[tuple[str, str], _Route]] = {
    ("GET", "/"): _hello,
    ("GET", "/health/system"): lambda standin, call: {"wal": "ok"},
    ("POST", "/admin/query"): _of_call(admin_routes.query),
    ("POST", "/admin/transact"): _of_call(admin_routes.transact),
    ("POST", "/admin/subscribe-query"): _of_call(subscribe),
    ("POST", "/admin/query_perms_check"): _of_call(admin_routes.query_perms_check),
    ("POST", "/admin/transact_perms_check"): _of_call(admin_routes.transact_perms_check),
    ("GET", "/admin/schema"): _of_call(admin_routes.schema),
    ("GET", "/admin/soft_deleted_attrs"): _of_call(admin_routes.soft_deleted_attrs),
    ("GET", "/admin/rooms/presence"): _of_call(admin_routes.presence),
    ("POST", "/admin/magic_code"): _of_auth(lambda auth, body: auth.magic_code(body, send=False)),
    ("POST", "/admin/send_magic_code"): _of_auth(lambda auth, body: auth.magic_code(body, send=True)),
    ("POST", "/admin/verify_magic_code"): _of_auth(Auth.verify_magic_code),
    ("POST", "/admin/refresh_tokens"): _of_auth(Auth.refresh_token),
    ("POST", "/admin/sign_in_guest"): _of_auth(Auth.sign_in_guest),
    ("POST", "/admin/sign_out"): _of_auth(Auth.sign_out),
    ("GET", "/admin/users"): lambda standin, call: standin.auth(call.admin_app()).get_user(call.params),
    ("DELETE", "/admin/users"): lambda standin, call: standin.auth(call.admin_app()).delete_user(call.params),
    ("POST", "/runtime/auth/verify_refresh_token"): _verify_refresh_token,
}

_IDS: Final = {"app": "(?P<app_id>[^/]+)", "group": "(?P<group_id>[^/]+)", "job": "(?P<job_id>[^/]+)"}
_WITH_IDS: Final = tuple(
    _Match(method, re.compile(path.format(**_IDS)), _of_call(answer))
    for method, path, answer in (
        ("GET", "/superadmin/apps/{app}", app_routes.app_info),
        ("GET", "/dash/apps/{app}", app_routes.app_info),
        ("GET", "/superadmin/apps/{app}/schema", app_routes.schema),
        ("POST", "/(?:superadmin|dash)/apps/{app}/schema/push/plan", app_routes.schema_plan),
        ("POST", "/(?:superadmin|dash)/apps/{app}/schema/push/apply", app_routes.schema_apply),
        ("GET", "/superadmin/apps/{app}/perms", app_routes.perms),
        ("POST", "/superadmin/apps/{app}/perms", app_routes.push_perms),
        ("GET", "/dash/apps/{app}/schema/pull", app_routes.schema_pull),
        ("POST", "/dash/apps/{app}/schema/steps/apply", app_routes.schema_steps),
        ("GET", "/dash/apps/{app}/perms/pull", app_routes.perms),
        ("POST", "/dash/apps/{app}/rules", app_routes.push_perms),
        ("GET", "/(?:superadmin|dash)/apps/{app}/indexing-jobs/group/{group}", app_routes.job_group),
        ("GET", "/(?:superadmin|dash)/apps/{app}/indexing-jobs/{job}", app_routes.job),
    )
)
