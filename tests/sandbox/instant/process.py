"""The stand-in as a process of its own, and plain HTTP to it."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import requests

from instant_admin.client.admin import InstantAdmin
from sandbox.world import HOST, ROOT, Part, free_port

__all__ = ["DEADLINE_S", "ROOT", "Process"]
DEADLINE_S = 20.0


class Process:
    """`python -m sandbox.instant` on a free port, with its data in `data` and what it says beside that."""

    def __init__(self, data: Path) -> None:
        port = free_port()
        self.uri = f"http://{HOST}:{port}"
        self.app_id = ""
        self.admin_token = ""
        self._command = [sys.executable, "-m", "sandbox.instant", "--port", str(port), "--data", str(data)]
        self._log = data.with_suffix(".log")

    def start(self, *options: str) -> None:
        self._log.unlink(missing_ok=True)
        command = [*self._command, *options]
        self._part = Part("Instant", command, env=os.environ, url=self.uri, log=self._log)
        self._part.start()
        self._part.await_answer("/health/system")
        said = json.loads(self._log.read_text().splitlines()[0])
        assert said["api_uri"] == self.uri
        self.app_id, self.admin_token = said["app_id"], said["admin_token"]

    def kill(self) -> None:
        self._part.kill()

    def stop(self) -> None:
        self._part.stop()

    def admin(self) -> InstantAdmin:
        """Our client, as the admin of the app."""
        return InstantAdmin(api_uri=self.uri, app_id=self.app_id, admin_token=self.admin_token)

    def post(self, path: str, body: Any) -> requests.Response:
        headers = {"app-id": self.app_id, "authorization": f"Bearer {self.admin_token}"}
        return requests.post(self.uri + path, json=body, headers=headers, timeout=DEADLINE_S)

    def transact(self, *steps: Any) -> requests.Response:
        return self.post("/admin/transact", {"steps": list(steps)})

    def query(self, query: Any) -> Any:
        response = self.post("/admin/query", {"query": query})
        response.raise_for_status()
        return response.json()
