"""A description of Stripe's API in OpenAPI, and what is wrong with a value by that description.

There are two, and neither is in this repository. The slice is of the API version that the product speaks; it is
looked for where `STRIPE_OPENAPI_SLICE` says, or beside the checkout. The other is whole and about a year older; it
comes with the source of stripe-mock, which `go install` leaves in Go's module cache.

Source: https://github.com/stripe/openapi
"""

from __future__ import annotations

import functools
import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from jsonschema_rs import Draft202012, Draft202012Validator, Registry, ValidationError

from tests.contract.stripe.form import closed, decode, typed

ROOT: Final = Path(__file__).resolve().parents[3]
FORM: Final = "application/x-www-form-urlencoded"
COMPONENTS: Final = "/components/schemas/"
# The base of the references in both documents.
URN: Final = "urn:stripe"


def slice_path() -> Path | None:
    """Where the slice is, if there is one."""
    beside = ROOT.parent / "shared" / "reference" / "stripe-openapi-slice.json"
    path = Path(os.environ.get("STRIPE_OPENAPI_SLICE", beside))
    return path if path.exists() else None


def older_path() -> Path | None:
    """Where the description of stripe-mock is, if there is one."""
    modules = Path(os.environ.get("GOMODCACHE", Path.home() / "go" / "pkg" / "mod"))
    found = modules.glob("github.com/stripe/stripe-mock@*/embedded/openapi/spec3.json")
    return max(found, default=None)


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of the API: where its answers are described, and the schema of its parameters."""

    pointer: str
    takes: dict[str, Any]

    def request_problems(self, form: str) -> list[str]:
        """Every parameter that is unknown, invalid or missing."""
        given = typed(decode(form), self.takes)
        return [explained(error) for error in Draft202012Validator(self.takes).iter_errors(given)]


class Description:
    """One OpenAPI document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = as_json_schema(document)
        self._schemas: dict[str, Any] = self._document["components"]["schemas"]
        self._registry = Registry([(URN, self._document)], draft=Draft202012)
        self._validators: dict[str, Draft202012Validator] = {}
        self._operations = dict(self._described())

    @property
    def addresses(self) -> list[tuple[str, str]]:
        """Every call, as its method and its address below `/v1/` with `*` for every id."""
        return list(self._operations)

    def operation(self, method: str, address: str) -> Operation | None:
        """The call at an address, if there is one."""
        return self._operations.get((method, address))

    def has(self, component: str) -> bool:
        """Whether it describes this kind of object."""
        return component in self._schemas

    def object_problems(self, component: str, value: Any) -> list[str]:
        """What is wrong with an object of this kind."""
        return self._problems(COMPONENTS + component, value)

    def answer_problems(self, operation: Operation, value: Any) -> list[str]:
        """What is wrong with the answer of a call that went well."""
        return self._problems(f"{operation.pointer}/responses/200/content/application~1json/schema", value)

    def _problems(self, pointer: str, value: Any) -> list[str]:
        schema = {"$ref": f"{URN}#{quote(pointer)}"}
        invalid = [explained(error) for error in self._validator(schema).iter_errors(value)]
        return invalid + [f"{where} is never absent" for where in self._absent(schema, value, "$")]

    def _validator(self, schema: dict[str, Any]) -> Draft202012Validator:
        """Made once for each schema, with all that it refers to."""
        text = json.dumps(schema)
        if text not in self._validators:
            self._validators[text] = Draft202012Validator(schema, registry=self._registry)
        return self._validators[text]

    def _absent(self, schema: dict[str, Any], value: Any, where: str) -> Iterator[str]:
        """The keys that Stripe always sends, null or not, and this value does not have, at any depth."""
        schema = self._resolved(schema, value)
        if isinstance(value, list):
            for item in value:
                yield from self._absent(schema.get("items", {}), item, f"{where}[]")
        if not isinstance(value, dict):
            return
        yield from (f"{where}.{name}" for name in schema.get("x-always-present", []) if name not in value)
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                yield from self._absent(inner, value[name], f"{where}.{name}")

    def _resolved(self, schema: dict[str, Any], value: Any) -> dict[str, Any]:
        """The schema behind references and choices; of several choices, the first that the value fits."""
        while "$ref" in schema or "anyOf" in schema:
            if "$ref" in schema:
                found: Any = self._registry.resolver(URN).lookup(schema["$ref"]).contents
                schema = found
            else:
                fitting = (option for option in schema["anyOf"] if self._validator(option).is_valid(value))
                schema = next(fitting, {})
        return schema

    def _described(self) -> Iterator[tuple[tuple[str, str], Operation]]:
        for path, operations in self._document["paths"].items():
            address = "/".join("*" if part.startswith("{") else part for part in path.split("/")[2:])
            for method, operation in operations.items():
                pointer = f"/paths/{path.replace('/', '~1')}/{method}"
                yield (method.upper(), address), Operation(pointer, _parameters(method, operation))


def _parameters(method: str, operation: dict[str, Any]) -> dict[str, Any]:
    """What a call takes, as one closed object: the form of a POST, the query of any other."""
    if method == "post":
        content = operation.get("requestBody", {}).get("content", {})
        schema: dict[str, Any] = closed(content.get(FORM, {}).get("schema", {"properties": {}}))
        return schema
    query = [parameter for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
    fields = {parameter["name"]: parameter["schema"] for parameter in query}
    needed = [parameter["name"] for parameter in query if parameter.get("required")]
    shut: dict[str, Any] = closed({"type": "object", "properties": fields, "required": needed})
    return shut


def as_json_schema(node: Any) -> Any:
    """OpenAPI 3.0 has `nullable`, which JSON Schema does not know; and its references begin at the document.

    The slice leaves out what some ids are expanded to, and names its kind: then an object of that kind will do.
    """
    if isinstance(node, list):
        return [as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    schema = {key: as_json_schema(value) for key, value in node.items() if key != "nullable"}
    if isinstance(schema.get("$ref"), str):
        schema["$ref"] = URN + schema["$ref"]
    others: list[dict[str, Any]] = [{"type": "null"}] if node.get("nullable") is True else []
    if "x-expansion-trimmed" in node:
        kind = {"object": {"enum": node["x-expansion-trimmed"]}}
        others.append({"type": "object", "properties": kind, "required": ["object"]})
    return {"anyOf": [schema, *others]} if others else schema


def explained(error: ValidationError) -> str:
    """Where a value is wrong and why; of several choices, by the one that it is nearest to."""
    while choices := getattr(error.kind, "context", None):
        error = max(itertools.chain(*choices), key=lambda inner: len(inner.instance_path))
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
    return f"${where}: {error.message[:300]}"


@functools.cache
def read(path: Path) -> Description:
    """The description in a file, read once."""
    return Description(json.loads(path.read_text()))
