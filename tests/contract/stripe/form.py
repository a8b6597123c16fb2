"""Forms as Stripe reads them: names with brackets become nested values, and texts become the types of a schema.

It does not use the stand-in's own code, so a mistake there is found here.

Source: https://docs.stripe.com/api (parameters are form-encoded; the server is Rack)
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import parse_qsl

import jsonschema_rs

INTEGER: Final = re.compile(r"-?[0-9]+")
NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
BOOLEANS: Final = {"true": True, "false": False}


def decode(form: str) -> dict[str, Any]:
    """`a[0][b]=1&c=2` as `{"a": {"0": {"b": "1"}}, "c": "2"}`: texts only, lists still by number."""
    decoded: dict[str, Any] = {}
    for name, text in parse_qsl(form, keep_blank_values=True):
        *branches, leaf = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name)
        node = decoded
        for branch in branches:
            node = node.setdefault(branch, {})
        node[leaf or str(len(node))] = text
    return decoded


def typed(value: Any, schema: dict[str, Any]) -> Any:
    """`value` with the types of `schema`; what cannot be converted stays, for the schema to refuse."""
    if "anyOf" in schema:
        options = ((typed(value, option), option) for option in schema["anyOf"])
        fitting = (found for found, option in options if jsonschema_rs.is_valid(option, found))
        return next(fitting, value)
    if isinstance(value, dict):
        return _nested(value, schema)
    match schema.get("type"):
        case "integer" if INTEGER.fullmatch(value):
            return int(value)
        case "number" if NUMBER.fullmatch(value):
            return float(value)
        case "boolean":
            return BOOLEANS.get(value, value)
    return value


def _nested(value: dict[str, Any], schema: dict[str, Any]) -> Any:
    if schema.get("type") == "array":
        by_number = sorted(value.items(), key=lambda item: item[0].zfill(9))
        return [typed(inner, schema["items"]) for _, inner in by_number]
    fields, others = schema.get("properties", {}), schema.get("additionalProperties") or {}
    return {name: typed(inner, fields.get(name, others)) for name, inner in value.items()}


def closed(schema: Any) -> Any:
    """A schema that takes no other names, at any depth: Stripe refuses a parameter that it does not know."""
    if isinstance(schema, list):
        return [closed(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {name: closed(inner) for name, inner in schema.items()}
    return {"additionalProperties": False} | shut if isinstance(schema.get("properties"), dict) else shut
