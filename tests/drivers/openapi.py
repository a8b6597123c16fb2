"""What `haikus/openapi.json` says of an answer, and whether the answer is so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from django.conf import settings
from jsonschema_rs import Draft202012, Draft202012Validator, Registry

DESCRIPTION: Final[dict[str, Any]] = json.loads(
    (Path(settings.BASE_DIR) / "haikus" / "openapi.json").read_text()
)
_NAME: Final = "urn:openapi"
_REGISTRY: Final = Registry([(_NAME, DESCRIPTION)], draft=Draft202012)
_PATHS: Final = {
    re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))): path for path in DESCRIPTION["paths"]
}


def validator_at(*pointer: str) -> Draft202012Validator:
    """What checks a value against the schema at this place of the description."""
    parts = "/".join(part.replace("~", "~0").replace("/", "~1") for part in pointer)
    return Draft202012Validator({"$ref": f"{_NAME}#/{quote(parts)}"}, registry=_REGISTRY)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every method, path and what is said of it."""
    for path, methods in DESCRIPTION["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def check(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    """Which answer of the description this is, such as `get /api/credits 200`; None for a route that is not there.

    Fails when it is none, or not as described.
    """
    found = next((each for pattern, each in _PATHS.items() if pattern.fullmatch(path)), None)
    operation = DESCRIPTION["paths"].get(found, {}).get(method.lower())
    if found is None or operation is None:
        return None
    named = f"{method.lower()} {found} {status}"
    assert str(status) in operation["responses"], f"{named} is not described"
    pointer = ["paths", found, method.lower(), "responses", str(status)]
    response = operation["responses"][str(status)]
    if "$ref" in response:
        pointer = response["$ref"].removeprefix("#/").split("/")
        response = DESCRIPTION[pointer[0]][pointer[1]][pointer[2]]
    ((kind, _),) = response["content"].items()
    assert headers["Content-Type"] == kind, named
    problems = [
        *validator_at(*pointer, "content", kind, "schema").iter_errors(json.loads(body)),
        *_problems_of(response.get("headers", {}), headers),
    ]
    assert problems == [], named
    return named


def _problems_of(described: Mapping[str, Any], headers: Mapping[str, str]) -> Iterator[object]:
    for name in described:
        about = DESCRIPTION["components"]["headers"][name]
        if name in headers:
            value: Any = headers[name]
            is_number = about["schema"]["type"] == "integer"
            schema = validator_at("components", "headers", name, "schema")
            yield from schema.iter_errors(int(value) if is_number else value)
        elif about.get("required"):
            yield f"{name} is missing"
