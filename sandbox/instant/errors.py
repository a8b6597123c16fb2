"""Every way in which Instant says no, with its status, type and hint."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from sandbox.serving import Response

if TYPE_CHECKING:
    from sandbox.instant.catalog import Attribute

# So much is told of a value that is too large.
SHOWN_OF_LARGE: Final = 32
_STATUS: Final = {"rate-limited": 429, "timeout": 429, "sql-exception": 500, "unknown": 500}


class ApiError(Exception):
    """An answer that is not a success. `kind` is the `type` of the answer's body."""

    def __init__(self, kind: str, message: str, hint: Mapping[str, Any] | None, *, status: int = 0) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint
        self.status = status or _STATUS.get(kind, 400)

    def response(self, trace_id: str) -> Response:
        """The answer as it travels."""
        body = {"type": self.kind, "message": self.message, "hint": self.hint}
        if self.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            body["trace-id"] = trace_id
        else:
            body["hint"] = {**(self.hint or {}), "debug-uri": f"http://localhost:3000/debug-uri/{trace_id}"}
        return Response.json(body, status=self.status)


def missing_param(*path: str, **more: object) -> ApiError:
    """Something that the route needs was not sent. `more` are further keys of the hint."""
    return ApiError("param-missing", f"Missing parameter: {list(path)}", {"in": list(path), **more})


def malformed_param(path: Sequence[str], given: object, **more: object) -> ApiError:
    """Something was sent in the wrong form."""
    hint = {"in": list(path), "original-input": given, **more}
    return ApiError("param-malformed", f"Malformed parameter: {list(path)}", hint)


def not_found(record_type: str, args: Mapping[str, Any], *, status: int = 0) -> ApiError:
    """No such token, user or code. The arguments are echoed, secrets too, as the real server does."""
    hint: dict[str, Any] = {"args": [dict(args)], "record-type": record_type}
    if record_type == "app-admin-token":
        hint["message"] = "This admin token may be expired or invalid, or it is another app's."
    return ApiError("record-not-found", f"Record not found: {record_type}", hint, status=status)


def no_attribute(etype: str, label: str) -> ApiError:
    """A path of a rule leads over a name that the app does not have."""
    hint = {"args": [etype, label], "record-type": "attr"}
    return ApiError("record-not-found", "Record not found: attr", hint)


def expired(record_type: str, args: Mapping[str, Any]) -> ApiError:
    """The code was right but came too late."""
    return ApiError("record-expired", f"Record expired: {record_type}", {"args": [dict(args)]})


def invalid(
    data_type: str,
    given: object,
    message: str,
    *,
    path: Sequence[object] | None = None,
    expected: str | None = None,
    hint: Mapping[str, Any] | None = None,
) -> ApiError:
    """`validation-failed` with one complaint about `given`."""
    complaint: dict[str, Any] = {"message": message}
    if path is not None:
        complaint["in"] = list(path)
    if expected is not None:
        complaint["expected"] = expected
    if hint is not None:
        complaint["hint"] = hint
    return invalid_all(data_type, given, [complaint])


def invalid_all(data_type: str, given: object, complaints: Sequence[Mapping[str, Any]]) -> ApiError:
    """`validation-failed` with several complaints at once."""
    message = f"Validation failed for {data_type}"
    if complaints and "message" in complaints[0]:
        message += f": {complaints[0]['message']}"
    hint = {"data-type": data_type, "input": given, "errors": [dict(each) for each in complaints]}
    return ApiError("validation-failed", message, hint)


def not_unique(attr_id: str, etype: str, label: str, value: object) -> ApiError:
    """Another entity already has this value of a unique attribute."""
    text = json.dumps(value)
    message = f"`{label}` is a unique attribute on `{etype}` and an entity already has {text}"
    hint = {"record-type": "triple", "attr-id": attr_id, "etype": etype, "label": label, "value": text}
    return ApiError("record-not-unique", message, hint)


def duplicate_attribute(etype: str, label: str) -> ApiError:
    """Two requests made the same attribute at once."""
    hint = {"record-type": "ident", "etype": etype, "label": label}
    return ApiError("record-not-unique", f"`{label}` already exists on `{etype}`", hint)


def denied(etype: str, scope: str) -> ApiError:
    """A permission rule said no."""
    hint = {"input": [etype, scope], "expected": "perms-pass?"}
    return ApiError("permission-denied", "Permission denied: not perms-pass?", hint)


def rule_failed(etype: str, action: str, kind: str, reason: str, *, show_reason: bool) -> ApiError:
    """A permission rule threw instead of answering. Only permission checks are told the reason."""
    told = reason if show_reason else "You may have a typo"
    message = f"Could not evaluate permission rule for `{etype}.{action}`. {told}."
    error = {"type": kind, "message": message, "hint": told}
    return ApiError("permission-evaluation-failed", message, {"rule": [etype, action], "error": error})


def too_many_values() -> ApiError:
    """One statement would have more parameters than PostgreSQL takes."""
    message = "There are too many parameters in the transaction or query."
    return ApiError("parameter-limit-exceeded", message, {"message": message, "doc-urls": []})


def sql_raise(message: str) -> ApiError:
    """A database function refused."""
    return ApiError("sql-raise", f"Raised Exception: {message}", _of_database("raise-exception", message))


def null_bytes() -> ApiError:
    """Text with a NUL, which the database cannot hold."""
    message = "A value in the transaction contains null bytes, which cannot be stored."
    return ApiError("validation-failed", message, _of_database("untranslatable-character"))


def deadlock() -> ApiError:
    """Two transactions waited for each other, and this is the one that had to go."""
    return ApiError("sql-exception", "SQL Exception: deadlock-detected", _of_database("deadlock-detected"))


def _of_database(condition: str, constraint: str | None = None) -> dict[str, str | None]:
    return {"table": None, "condition": condition, "constraint": constraint}


def rate_limited(hint: Mapping[str, Any] | None = None) -> ApiError:
    """Too often."""
    return ApiError("rate-limited", "Too many requests, please try again later", hint)


def missing_required(records: Sequence[Mapping[str, Any]]) -> ApiError:
    """After the transaction some entity would lack a required attribute."""
    names = sorted({f"{record['etype']}/{record['label']}" for record in records})
    message = f"Missing required attribute: {', '.join(names)}"
    return ApiError("validation-failed", message, {"records": [dict(record) for record in records]})


def wrong_value(attr: Attribute, entity_id: str, value: object, *, too_large: bool) -> ApiError:
    """A value that its attribute cannot hold."""
    hint: dict[str, Any] = {
        "namespace": attr.etype,
        "attribute": attr.label,
        "value": value,
        "checked-data-type": attr.checked_type,
        "attr-id": attr.id,
        "entity-id": entity_id,
    }
    reason = f"must be a {attr.checked_type}"
    if too_large:
        text = json.dumps(value, ensure_ascii=False)
        hint |= {"value-too-large?": True, "value": f"{text[:SHOWN_OF_LARGE]}..."}
        reason = "is too large for a unique or indexed attribute"
    return ApiError("validation-failed", f"The value of {attr.name} {reason}", hint)


def broken() -> ApiError:
    """The server did not expect this. It says so, and nothing else."""
    return ApiError("unknown", "Something went wrong. Sorry about this!", None)


def app_closed(status: str) -> ApiError:
    """The app takes no writes (`read-only`) or no requests at all (`disabled`)."""
    return ApiError(f"app-{status}", f"This app is {status}.", {"status": status})


def not_an_id(attr: Attribute, entity_id: str, value: object) -> ApiError:
    """A link by a lookup that names nothing, whose value Instant then takes for an id."""
    hint = {**(wrong_value(attr, entity_id, value, too_large=False).hint or {}), "checked-data-type": "null"}
    return ApiError("validation-failed", "Linked value must be a valid uuid.", hint)
