"""What is wrong with a request, for a program: problem details (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

PROBLEM: Final = "application/problem+json"


def problem_details(
    status: HTTPStatus, error: str, *, about: str = "about:blank", instance: str = "", **members: Any
) -> dict[str, Any]:
    """The body of a refusal. `error` is for people, and stands there under the name of before the RFC, too.

    `about` is the address of a page, `instance` the request's id, and `members` are what a program needs to know
    besides.
    """
    said = {"type": about, "title": status.phrase, "status": status, "detail": error, "error": error}
    return said | ({"instance": instance} if instance else {}) | members
