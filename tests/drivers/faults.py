"""Misbehaviour of a stand-in, asked for over HTTP."""

from __future__ import annotations

import json

import requests

from tests.drivers.waiting import await_that


class Faults:
    """The faults of one stand-in."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/_sandbox/faults"

    def add(self, fault: str, path: str, **rule: object) -> None:
        """Have requests to `path` (a regular expression) suffer `fault`; see `sandbox/faults.py`."""
        body = json.dumps({"fault": fault, "path": path} | rule)
        requests.post(self._url, data=body, timeout=10).raise_for_status()

    def rules(self) -> list[dict[str, int]]:
        """The rules with their hits."""
        return list(requests.get(self._url, timeout=10).json()["rules"])

    def await_held(self) -> None:
        """Wait until a request is held."""
        await_that(lambda: any(rule["held"] for rule in self.rules()))

    def clear(self) -> None:
        """No more faults; what is held goes on."""
        requests.delete(self._url, timeout=10).raise_for_status()
