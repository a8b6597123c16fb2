"""One app of a stand-in and short ways to speak to it, without a socket."""

import json
import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.instant.standin import InstantStandIn
from sandbox.serving import Request, Response

DOCUMENTS = Path(__file__).resolve().parents[3] / "instant"
SCHEMA = json.loads((DOCUMENTS / "schema.json").read_text())
PERMS = json.loads((DOCUMENTS / "perms.json").read_text())


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.kind = body.get("type")
        self.hint = body.get("hint") or {}


@contextmanager
def refused(
    kind: str, hint: Mapping[str, Any] | None = None, *, status: int = 400, said: str = ""
) -> Iterator[pytest.ExceptionInfo[Refused]]:
    """Fails unless what is inside is refused so: with this in its hint, and `said` somewhere in its answer."""
    with pytest.raises(Refused) as caught:
        yield caught
    assert (caught.value.status, caught.value.kind) == (status, kind)
    assert caught.value.hint | dict(hint or {}) == caught.value.hint
    assert said in str(caught.value)


class Gap:
    """A `pause` in which something is done once: what the next transact is overtaken by."""

    def __init__(self) -> None:
        self._work: list[Callable[[], object]] = []

    def fill(self, work: Callable[[], object]) -> None:
        self._work.append(work)

    def __call__(self, where: str) -> None:
        if self._work:
            self._work.pop()()


class Harness:
    """An app, its admin token, a clock that stands still, and whoever signs in."""

    def __init__(
        self,
        database: str | Path = ":memory:",
        *,
        pause: Callable[[str], None] = lambda where: None,
        seed: int = 7,
        keep_alive_s: float = 15.0,
    ) -> None:
        self.now = 1_800_000_000.0
        self.mails: list[tuple[str, str]] = []
        self.standin = InstantStandIn(
            database=database,
            clock=lambda: self.now,
            rng=random.Random(seed),
            pause=pause,
            keep_alive_s=keep_alive_s,
            mailer=lambda email, code: self.mails.append((email, code)),
        )
        self.app = self.standin.ensure_app("harness")

    def close(self) -> None:
        self.standin.close()

    def send(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Response:
        """One request with the app's id and its admin token; a header of "" is left out."""
        sent = {
            "app-id": self.app.id,
            "authorization": f"Bearer {self.app.admin_token}",
            "content-type": "application/json",
            **(headers or {}),
        }
        path, _, query = path.partition("?")
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        kept = {name: value for name, value in sent.items() if value}
        return self.standin.handle(Request(method, path, query, kept, raw))

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """The answer's JSON; raises `Refused` unless it is 200."""
        response = self.send(method, path, body, headers)
        parsed = json.loads(response.body)
        if response.status != 200:
            raise Refused(response.status, parsed)
        return parsed

    def query(self, query: Any, *, inference: bool = False, headers: dict[str, str] | None = None) -> Any:
        return self.call("POST", "/admin/query", {"query": query, "inference?": inference}, headers)

    def find(self, etype: str, where: Any = None, **options: Any) -> list[Any]:
        """The entities of one namespace, as the admin sees them."""
        chosen = options if where is None else {"where": where, **options}
        found: list[Any] = self.query({etype: {"$": chosen}})[etype]
        return found

    def transact(self, *steps: Any, strict: bool = False, headers: dict[str, str] | None = None) -> int:
        body = {"steps": list(steps), "throw-on-missing-attrs?": strict}
        return int(self.call("POST", "/admin/transact", body, headers)["tx-id"])

    def create(self, etype: str, **values: Any) -> str:
        """The id of a new entity."""
        entity = new_id()
        self.transact(["create", etype, entity, values])
        return entity

    def permits(self, *steps: Any, headers: dict[str, str] | None) -> bool:
        """Whether a transact went through; False when a rule, or the guard of system columns, said no."""
        try:
            self.transact(*steps, headers=headers)
        except Refused as exc:
            if exc.kind == "permission-denied" or exc.hint.get("data-type") == "tx-step":
                return False
            raise
        return True

    def push(self, schema: Any = SCHEMA, *, background: bool = True) -> Any:
        body = {"schema": schema, "check_types": True, "supports_background_updates": background}
        return self.call("POST", f"/superadmin/apps/{self.app.id}/schema/push/apply", body)

    def schema(self) -> Any:
        """The attributes that there are: `blobs` by namespace and label, `refs` by their names."""
        return self.call("GET", "/admin/schema")["schema"]

    def push_rules(self, code: Any = PERMS) -> Any:
        return self.call("POST", f"/superadmin/apps/{self.app.id}/perms", {"code": code})

    def sign_in(self, email: str) -> tuple[str, dict[str, str]]:
        """A user's id, and the header that acts as them."""
        user = self.call("POST", "/admin/refresh_tokens", {"email": email})["user"]
        return user["id"], {"as-token": user["refresh_token"]}


def new_id() -> str:
    return str(uuid.uuid4())


def attrs(**columns: str) -> dict[str, Any]:
    """Columns of a pushed namespace: a type, then ! for unique, # for indexed, * for required."""
    return {
        "attrs": {
            label: {
                "valueType": form.rstrip("!#*"),
                "required": "*" in form,
                "config": {"unique": "!" in form, "indexed": "#" in form},
            }
            for label, form in columns.items()
        }
    }


def link(forward: str, reverse: str, **options: Any) -> dict[str, Any]:
    """A link such as `link("posts.author one", "users.posts many", onDelete="cascade")`."""

    def side(text: str) -> dict[str, Any]:
        name, has = text.split(" ")
        etype, label = name.split(".")
        return {"on": etype, "label": label, "has": has}

    return {"forward": side(forward) | options, "reverse": side(reverse)}


GUEST = {"as-guest": "true"}
