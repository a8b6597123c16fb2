"""The stand-in as a process of its own, and plain HTTP to it."""

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[3]
DEADLINE_S = 20.0


class Process:
    """`python -m sandbox.instant` on a free port, with its data in `data`."""

    def __init__(self, data: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._data = data
        self._process: subprocess.Popen[str] | None = None
        self.uri = f"http://127.0.0.1:{self.port}"
        self.app_id = ""
        self.admin_token = ""

    def start(self, *options: str) -> None:
        """Start it and wait until it answers."""
        command = [
            sys.executable,
            "-m",
            "sandbox.instant",
            "--port",
            str(self.port),
            "--data",
            str(self._data),
        ]
        self._process = subprocess.Popen(  # noqa: S603 (our own command)
            [*command, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        if self._process.stdout is None:
            raise OSError("there is no pipe to read from")
        said = json.loads(self._process.stdout.readline())
        self.app_id, self.admin_token = said["app_id"], said["admin_token"]
        assert said["api_uri"] == self.uri
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            try:
                if requests.get(f"{self.uri}/health/system", timeout=5).json() == {"wal": "ok"}:
                    return
            except requests.ConnectionError:
                time.sleep(0.02)
        raise TimeoutError("the stand-in does not answer")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop it and wait until it is gone."""
        if self._process is None:
            return
        self._process.send_signal(how)
        self._process.wait(timeout=DEADLINE_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None

    @property
    def headers(self) -> dict[str, str]:
        return {"app-id": self.app_id, "authorization": f"Bearer {self.admin_token}"}

    def post(self, path: str, body: Any) -> requests.Response:
        return requests.post(self.uri + path, json=body, headers=self.headers, timeout=DEADLINE_S)

    def transact(self, *steps: Any) -> requests.Response:
        return self.post("/admin/transact", {"steps": list(steps)})

    def query(self, query: Any) -> Any:
        response = self.post("/admin/query", {"query": query})
        response.raise_for_status()
        return response.json()
