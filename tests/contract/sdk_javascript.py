"""The vendor's JavaScript package: `@instantdb/admin` in a Node process of its own."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

from tests.contract.clients import WAIT_S, ContractClient, Query, Refused, SignedIn, Steps, Tree, Who

FOLDER: Final = Path(__file__).resolve().parent / "node"
NODE: Final = shutil.which("node")


def whats_missing() -> str | None:
    """Why nothing can be run under Node here, or None."""
    if NODE is None:
        return "node is not installed"
    if not (FOLDER / "node_modules" / "@instantdb" / "admin").is_dir():
        return "run `npm install` in tests/contract/node"
    return None


class JavaScript(ContractClient):
    """`@instantdb/admin` from npm."""

    name = "@instantdb/admin"

    def __init__(self, *, api_uri: str, app_id: str, admin_token: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 (our own script)
            [NODE or "node", "bridge.mjs"],
            cwd=FOLDER,
            env=os.environ
            | {"INSTANT_API_URI": api_uri, "INSTANT_APP_ID": app_id, "INSTANT_APP_ADMIN_TOKEN": admin_token},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._numbers = count(1)
        self._boxes: dict[str, queue.Queue[Any]] = {}
        self._reader = threading.Thread(target=self._read, name="node")
        self._reader.start()

    def query(self, query: Query, who: Who = None, rule_params: Mapping[str, Any] | None = None) -> Tree:
        tree: Tree = self._ask("query", query=query, who=who, ruleParams=rule_params)
        return tree

    def transact(self, steps: Steps, who: Who = None) -> None:
        self._ask("transact", steps=steps, who=who)

    def check_query(self, query: Query, who: Who, rules: Any) -> tuple[Tree, list[bool]]:
        check = self._ask("checkQuery", query=query, who=who, rules=rules)
        return check["result"], [each["check"] for each in check["checkResults"]]

    def check_transact(self, steps: Steps, who: Who, rules: Any) -> tuple[bool, list[bool]]:
        check = self._ask("checkTransact", steps=steps, who=who, rules=rules)
        return check["all-checks-ok?"], [each["check-pass?"] for each in check["check-results"]]

    def magic_code(self, email: str) -> str:
        return str(self._ask("magicCode", email=email)["code"])

    def sign_in(self, email: str, code: str) -> SignedIn:
        answer = self._ask("signIn", email=email, code=code)
        return SignedIn(answer["user"]["id"], answer["user"]["refresh_token"], answer["created"])

    def create_token(self, email: str) -> str:
        return str(self._ask("createToken", email=email))

    def whose(self, token: str) -> str:
        return str(self._ask("verifyToken", token=token)["id"])

    def sign_out(self, token: str) -> None:
        self._ask("signOut", token=token)

    def user_id(self, email: str) -> str | None:
        user = self._ask("getUser", email=email)
        return None if user is None else user["id"]

    def delete_user(self, email: str) -> str | None:
        user = self._ask("deleteUser", email=email)
        return None if user is None else user["id"]

    def people_in(self, room: str) -> int:
        return len(self._ask("presence", room=room) or {})

    @contextmanager
    def watch(self, query: Query, who: Who = None) -> Iterator[Iterator[Tree]]:
        name = f"watch {next(self._numbers)}"
        box = self._boxes[name] = queue.Queue()
        self._ask("watch", watch=name, query=query, who=who)
        try:
            yield _trees(box)
        finally:
            self._ask("unwatch", watch=name)

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _ask(self, op: str, **details: Any) -> Any:
        name = str(next(self._numbers))
        box = self._boxes[name] = queue.Queue()
        if self._process.stdin is None:
            raise OSError("there is no pipe to write to")
        self._process.stdin.write(json.dumps({"id": name, "op": op, **details}) + "\n")
        self._process.stdin.flush()
        said = box.get(timeout=WAIT_S)
        if "answer" in said:
            return said["answer"]
        raise Refused.of_body(said["status"], said["body"])

    def _read(self) -> None:
        for line in self._process.stdout or ():
            said = json.loads(line)
            self._boxes[said.get("id") or said["watch"]].put(said)


def _trees(box: queue.Queue[Any]) -> Iterator[Tree]:
    while True:
        said = box.get(timeout=WAIT_S)
        if said.get("error"):
            raise Refused.of_body(said["error"].get("status", 400), said["error"])
        yield said["tree"]
