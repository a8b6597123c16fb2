"""JSON values as Instant sees them: identifiers, checked types, dates, and how they sort and compare."""

from __future__ import annotations

import json
import math
import random
import re
from datetime import UTC, date, datetime
from typing import Any, Final

from sandbox.instant.errors import null_bytes

# A value out of a request or out of the database. Its shape is checked where it matters.
Json = Any
IndexKey = str | int | float | bytes

CHECKED_TYPES: Final = ("string", "number", "boolean", "date")
MAX_INDEXED_BYTES: Final = 1024
# SQLite puts this before every other number, and numbers before text: nulls come first.
NULL_KEY: Final = -math.inf

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_DATE_FORMATS: Final = ("%m/%d/%Y", "%Y/%m/%d", "%b %d, %Y", "%B %d, %Y", "%d %b %Y")


def as_uuid(value: Json) -> str | None:
    """`value` as a lower-case UUID, or None when it is none."""
    if isinstance(value, str) and len(value) == 36 and _UUID.fullmatch(value):
        return value.lower()
    return None


def new_uuid(rng: random.Random) -> str:
    """A version-4 UUID from this random source."""
    text = f"{rng.getrandbits(128):032x}"
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"


def parse_body(body: bytes) -> Json:
    """The JSON of a request; raises ValueError for what is not JSON, `NaN` included."""
    parsed = json.loads(body, parse_constant=_refuse_constant, parse_float=_finite)
    return _encodable(parsed) if b"\\ud" in body.lower() else parsed


def clean(value: Json) -> Json:
    """`value` as it is stored: UUIDs in lower case; text that the database cannot hold is refused."""
    if isinstance(value, str):
        if len(value) == 36 and _UUID.fullmatch(value):
            return value.lower()
        if "\0" in value:
            raise null_bytes()
        return value
    if isinstance(value, dict):
        return {clean(name): clean(item) for name, item in value.items()}
    if isinstance(value, list):
        return [clean(item) for item in value]
    return value


def fits(value: Json, checked_type: str) -> bool:
    """Whether an attribute of this checked type may hold `value`. Null always fits."""
    if value is None:
        return True
    if checked_type == "string":
        return isinstance(value, str)
    if checked_type == "boolean":
        return isinstance(value, bool)
    if checked_type == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return date_ms(value) is not None


def inferred_type(value: Json) -> str:
    """Instant's word for the kind of a value that is not null."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "json"


def index_key(value: Json, checked_type: str | None) -> IndexKey:
    """What stands for `value` in an index: equal for equal JSON, and in Instant's order within one type."""
    if value is None:
        return NULL_KEY
    if checked_type == "date":
        when = date_ms(value)
        if when is not None:
            return when
    if isinstance(value, bool):
        return b"\x01" if value else b"\x00"
    if isinstance(value, str | float):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else float(value)
    return b"j" + json.dumps(value, sort_keys=True).encode()


def too_large(value: Json) -> bool:
    """Whether an index would refuse `value` for its size."""
    if isinstance(value, str):
        return len(value) * 4 + 2 > MAX_INDEXED_BYTES and len(value.encode()) + 2 > MAX_INDEXED_BYTES
    if isinstance(value, dict | list):
        return len(json.dumps(value).encode()) > MAX_INDEXED_BYTES
    return False


def date_ms(value: Json) -> int | float | None:
    """Milliseconds since 1970 of a number or of text in one of the usual forms; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str):
        return None
    when = _parse_moment(value.strip())
    if when is None:
        return None
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def moment(ms: int) -> str:
    """A time as Instant writes it."""
    return datetime.fromtimestamp(ms // 1000, UTC).isoformat().replace("+00:00", "Z")


def deep_merge(old: Json, patch: Json) -> Json:
    """What `merge` leaves: objects key by key, a null inside removes its key, all else is replaced."""
    if not (isinstance(old, dict) and isinstance(patch, dict)):
        return patch
    merged = dict(old)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict) and isinstance(merged.get(name), dict):
            merged[name] = deep_merge(merged[name], value)
        else:
            merged[name] = value
    return merged


def _parse_moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for form in _DATE_FORMATS:
        try:
            parsed: date = datetime.strptime(text, form)
        except ValueError:
            continue
        return datetime(parsed.year, parsed.month, parsed.day, tzinfo=UTC)
    return None


def _encodable(value: Json) -> Json:
    """`value` with a question mark for each half of a surrogate pair, as Java writes text that is not whole."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {_encodable(name): _encodable(item) for name, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, list) else value


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is out of range")
    return number
