"""Reading parameters: from a form to nested values, then to checked and typed ones.

A check takes a raw value and its name as the caller wrote it (`line_items[0][price]`) and returns what the
endpoint works with, or raises. `Shape` is a check made of checks and refuses every name that it does not know.

Source: https://docs.stripe.com/api (parameters), section by section.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

from sandbox.stripe.errors import malformed, missing, not_modelled

Check = Callable[[Any, str], Any]

# More brackets than any real parameter has.
MAX_DEPTH: Final = 8
METADATA_KEYS: Final = 50
METADATA_KEY_LENGTH: Final = 40
METADATA_VALUE_LENGTH: Final = 500
LARGEST_AMOUNT: Final = 99_999_999
# Python accepts more spellings of a number (`1_000`, ` 7 `) than Stripe does.
INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
INDEX: Final = re.compile(r"[0-9]{1,4}")
PERCENT: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,2})?")
WEB_ADDRESS: Final = re.compile(r"https?://[^\s/?#]+[^\s]*")
EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def decode(form: str) -> dict[str, Any]:
    """`a[0][b]=1&c=2` as `{"a": {"0": {"b": "1"}}, "c": "2"}`. A list is still a dict here; see `list_of`."""
    decoded: dict[str, Any] = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        node = decoded
        *branches, leaf = _segments(name)
        for branch in branches:
            node = node.setdefault(branch, {})
            if not isinstance(node, dict):
                raise malformed(f"Invalid parameter: {name}", param=name)
        key = leaf or str(len(node))
        if isinstance(node.get(key), dict):
            raise malformed(f"Invalid parameter: {name}", param=name)
        node[key] = value
    return decoded


@lru_cache(maxsize=2048)
def _segments(name: str) -> tuple[str, ...]:
    head, _, rest = name.partition("[")
    segments = (head, *rest.removesuffix("]").split("][")) if rest else (head,)
    if len(segments) > MAX_DEPTH:
        raise malformed("Invalid parameter: nested too deeply", param=head)
    return segments


class Shape:
    """A check of a group of parameters.

    `required` and `unmodelled` are names separated by spaces. The unmodelled ones are known to Stripe only.
    """

    def __init__(self, fields: Mapping[str, Check], *, required: str = "", unmodelled: str = "") -> None:
        self.fields = fields
        self.required = required.split()
        self.unmodelled = unmodelled.split()

    def __call__(self, raw: Any, name: str = "") -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise malformed(f"Invalid object: {name}", param=name)
        known = {*self.fields, *self.unmodelled}
        unknown = [within(name, key) for key in raw if key not in known]
        if unknown:
            words = "parameter" if len(unknown) == 1 else "parameters"
            raise malformed(
                f"Received unknown {words}: {', '.join(unknown)}", param=unknown[0], code="parameter_unknown"
            )
        for key in self.required:
            if key not in raw:
                raise missing(within(name, key))
        for key in raw:
            if key in self.unmodelled:
                raise not_modelled(within(name, key))
        return {key: self.fields[key](value, within(name, key)) for key, value in raw.items()}


def within(parent: str, key: str) -> str:
    """The name of `key` inside `parent`, as the caller writes it."""
    return f"{parent}[{key}]" if parent else key


def text(*, max_length: int = 5000, required: bool = False) -> Check:
    """A string. An empty one means null, which is how Stripe unsets a field."""

    def check(raw: Any, name: str) -> str | None:
        if not isinstance(raw, str):
            raise malformed(f"Invalid string: {name}", param=name)
        if len(raw) > max_length:
            raise malformed(f"Invalid string: {name} must be at most {max_length} characters", param=name)
        if required and not raw:
            raise malformed(
                f"You passed an empty string for '{name}'.", param=name, code="parameter_invalid_empty"
            )
        return raw or None

    return check


def integer(*, at_least: int = -LARGEST_AMOUNT, at_most: int = 10**15) -> Check:
    """A whole number within bounds."""

    def check(raw: Any, name: str) -> int:
        if not isinstance(raw, str) or not INTEGER.fullmatch(raw):
            raise malformed(f"Invalid integer: {raw}", param=name, code="parameter_invalid_integer")
        if not at_least <= int(raw) <= at_most:
            side, bound = ("greater", at_least) if int(raw) < at_least else ("less", at_most)
            raise malformed(
                f"This value must be {side} than or equal to {bound}.",
                param=name,
                code="parameter_invalid_integer",
            )
        return int(raw)

    return check


def boolean(raw: Any, name: str) -> bool:
    """`true` or `false`."""
    if raw not in ("true", "false"):
        raise malformed(f"Invalid boolean: {raw}", param=name)
    return bool(raw == "true")


def percent(raw: Any, name: str) -> int | float:
    """More than 0 and at most 100, with up to two decimals."""
    if not isinstance(raw, str) or not PERCENT.fullmatch(raw) or not 0 < float(raw) <= 100:
        raise malformed(f"Invalid percentage: {raw}", param=name)
    return int(float(raw)) if float(raw).is_integer() else float(raw)


def choice(*values: str) -> Check:
    """One of a closed set of words."""

    def check(raw: Any, name: str) -> str:
        if raw not in values:
            raise malformed(f"Invalid {name}: must be one of {_or(values)}", param=name)
        return str(raw)

    return check


def _or(words: Sequence[str]) -> str:
    *most, last = words
    return f"{', '.join(most)}{',' if len(most) > 1 else ''} or {last}" if most else last


def currency(raw: Any, name: str) -> str:
    """A three-letter code, in lower case."""
    if not isinstance(raw, str) or not re.fullmatch(r"[A-Za-z]{3}", raw):
        raise malformed(f"Invalid currency: {raw}", param=name)
    return raw.lower()


def web_address(raw: Any, name: str) -> str:
    """An absolute http or https URL. Stripe also takes an app's own scheme; nothing here needs one."""
    if not isinstance(raw, str) or len(raw) > 5000 or not WEB_ADDRESS.fullmatch(raw):
        raise malformed(
            "Not a valid URL: it must start with http:// or https://.", param=name, code="url_invalid"
        )
    return raw


def email(raw: Any, name: str) -> str | None:
    """An e-mail address, or null."""
    if raw != "" and (not isinstance(raw, str) or len(raw) > 512 or not EMAIL.fullmatch(raw)):
        raise malformed(f"Invalid email address: {raw}", param=name, code="email_invalid")
    return raw or None


def metadata(raw: Any, name: str) -> dict[str, str] | None:
    """Keys and strings; an empty string instead of them deletes every key."""
    if raw == "":
        return None
    if not isinstance(raw, dict):
        raise malformed("Invalid metadata: it must be a set of keys and values", param=name)
    for key, value in raw.items():
        if not isinstance(value, str) or "]" in key or "[" in key:
            raise malformed("Metadata values must be strings, and keys without brackets", param=name)
        if len(key) > METADATA_KEY_LENGTH:
            raise malformed(f"Metadata keys have at most {METADATA_KEY_LENGTH} characters", param=name)
        if len(value) > METADATA_VALUE_LENGTH:
            raise malformed(f"Metadata values have at most {METADATA_VALUE_LENGTH} characters", param=name)
    return dict(raw)


def merged_metadata(old: dict[str, str], new: dict[str, str] | None) -> dict[str, str]:
    """`old` updated by `new`: an empty value deletes its key, and null deletes all of them."""
    if new is None:
        return {}
    merged = {key: value for key, value in (old | new).items() if value != ""}
    if len(merged) > METADATA_KEYS:
        raise malformed(f"Metadata has at most {METADATA_KEYS} keys", param="metadata")
    return merged


def list_of(check: Check, *, at_most: int = 100) -> Check:
    """A list, which a form sends as a group with numbers for names."""

    def check_list(raw: Any, name: str) -> list[Any]:
        if raw == "":
            return []
        if not isinstance(raw, dict) or not all(INDEX.fullmatch(key) for key in raw):
            raise malformed("Invalid array", param=name)
        if len(raw) > at_most:
            raise malformed(f"Array {name} exceeded maximum {at_most} allowed elements.", param=name)
        return [check(raw[key], within(name, key)) for key in sorted(raw, key=int)]

    return check_list


def created_range(raw: Any, name: str) -> dict[str, int]:
    """`created=5`, or bounds such as `created[gte]=5`."""
    if isinstance(raw, dict):
        return Shape({bound: integer() for bound in ("gt", "gte", "lt", "lte")})(raw, name)
    return {"eq": integer()(raw, name)}


def or_cleared(check: Check) -> Check:
    """A group, or null for an empty string."""

    def check_or_clear(raw: Any, name: str) -> Any:
        return None if raw == "" else check(raw, name)

    return check_or_clear


def call(fields: Mapping[str, Check], *, required: str = "", unmodelled: str = "") -> Shape:
    """What a call of the API takes: these fields, and `expand`."""
    return Shape(EXPAND | dict(fields), required=required, unmodelled=unmodelled)


EXPAND: Final[dict[str, Check]] = {"expand": list_of(text(required=True), at_most=20)}
PAGING: Final[dict[str, Check]] = {
    "limit": integer(at_least=1, at_most=100),
    "starting_after": text(required=True),
    "ending_before": text(required=True),
}
