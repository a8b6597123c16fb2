"""What a program is told when something is wrong (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any


def problem_in(answer: Any) -> tuple[int, str]:
    """Its status and what it says to a person; every member that the RFC has is there and agrees."""
    said = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert said["title"] == HTTPStatus(answer.status_code).phrase
    assert (said["status"], said["error"]) == (answer.status_code, said["detail"])
    assert said["instance"] == answer.headers["X-Request-ID"]
    return answer.status_code, said["detail"]
