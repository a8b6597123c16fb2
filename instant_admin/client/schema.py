"""An app's schema and permission rules: read, planned, pushed and awaited.

`push` brings a live app up to `schema.json` and `perms.json` of a folder; `SchemaAndRules` is the part of the client
that it calls.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from instant_admin.client import protocol
from instant_admin.client.protocol import Call
from instant_admin.client.transport import Transport
from instant_admin.client.types import Step

_JOB_PAUSES_S: Final = (0.1, 0.2, 0.5, *(1.0,) * 120)
_JOB_FAILED: Final = ("errored", "canceled")


class SchemaAndRules:
    """A part of `InstantAdmin`. Source: `/superadmin/apps/{id}` and beside it, with the app's admin token."""

    app_id: str
    _transport: Transport

    def schema(self) -> dict[str, Any]:
        """The live schema: `{"blobs": {namespace: {label: attribute}}, "refs": {name: link}}`."""
        schema = self._transport.send(Call("GET", "/admin/schema", effect="none")).get("schema")
        if not _is_schema(schema):
            raise protocol.nonsense("a schema that is none")
        return cast("dict[str, Any]", schema)

    def plan_schema(self, schema: Mapping[str, Any]) -> list[Step]:
        """The steps that `push_schema` would take; none, too, for a schema that Instant cannot read."""
        path = f"/superadmin/apps/{self.app_id}/schema/push/plan"
        steps = self._transport.send(Call("POST", path, _push_body(schema), effect="none")).get("steps") or []
        if not isinstance(steps, list) or not all(isinstance(step, list) and step for step in steps):
            raise protocol.nonsense("a plan that is none")
        return cast("list[Step]", steps)

    def push_schema(self, schema: Mapping[str, Any]) -> str | None:
        """Add to the live schema what it lacks of `schema`; returns the group of background jobs to wait for."""
        path = f"/superadmin/apps/{self.app_id}/schema/push/apply"
        answer = self._transport.send(Call("POST", path, _push_body(schema), effect="same"))
        jobs = answer.get("indexing-jobs")
        return str(jobs["group-id"]) if isinstance(jobs, dict) and jobs.get("group-id") else None

    def schema_jobs(self, group_id: str) -> list[dict[str, Any]]:
        """How the background jobs of one push stand: each has `job_type`, `job_status` and `error`."""
        path = f"/dash/apps/{self.app_id}/indexing-jobs/group/{group_id}"
        jobs = self._transport.send(Call("GET", path, effect="none")).get("jobs") or []
        if not isinstance(jobs, list) or not all(
            isinstance(job, dict) and {"job_type", "job_status"} <= job.keys() for job in jobs
        ):
            raise protocol.nonsense("background jobs that are none")
        return cast("list[dict[str, Any]]", jobs)

    def perms(self) -> dict[str, Any] | None:
        """The permission rules as they were pushed, or None when none ever were."""
        path = f"/superadmin/apps/{self.app_id}/perms"
        perms = self._transport.send(Call("GET", path, effect="none")).get("perms")
        if not isinstance(perms, dict | None):
            raise protocol.nonsense("rules that are no object")
        return perms

    def push_perms(self, rules: Mapping[str, Any]) -> None:
        """Replace the permission rules; bad ones are `InstantRejected` and change nothing."""
        path = f"/superadmin/apps/{self.app_id}/perms"
        self._transport.send(Call("POST", path, {"code": dict(rules)}, effect="same"))


def _is_schema(schema: object) -> bool:
    """Whether it has attributes by namespace and label, and links by name, as far as we read them."""
    if not isinstance(schema, dict):
        return False
    namespaces, links = schema.get("blobs", {}), schema.get("refs", {})
    if not isinstance(namespaces, dict) or not isinstance(links, dict):
        return False
    return all(
        isinstance(attributes, dict) and all(isinstance(each, dict) for each in attributes.values())
        for attributes in namespaces.values()
    ) and all(
        isinstance(link, dict) and _is_identity(link.get(f"{way}-identity"))
        for link in links.values()
        for way in ("forward", "reverse")
    )


def _is_identity(value: object) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(isinstance(part, str) for part in value)


def _push_body(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"schema": dict(schema), "check_types": True, "supports_background_updates": True}


class SchemaError(Exception):
    """A push that did not come to a good end; `problems` are sentences for a person."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Documents:
    """The two documents of the project, as they are pushed."""

    schema: Mapping[str, Any]
    perms: Mapping[str, Any]


def read_documents(folder: Path) -> Documents:
    """`schema.json` and `perms.json` in `folder`."""
    return Documents(
        schema=json.loads((folder / "schema.json").read_text()),
        perms=json.loads((folder / "perms.json").read_text()),
    )


def push(
    app: SchemaAndRules, documents: Documents, *, dry_run: bool, sleep: Callable[[float], None] = time.sleep
) -> Iterator[str]:
    """Bring the live app up to `documents`; yields a line for each thing done, or that would be done.

    Only adds to the schema; replaces the rules. Safe to repeat, and to run on an app in use. Raises
    `SchemaError` when a background job fails or the app read back is not what was pushed.
    """
    steps = app.plan_schema(documents.schema)
    yield from (f"schema: {_described(step)}" for step in steps)
    rules_differ = app.perms() != documents.perms
    if rules_differ:
        yield "perms: replace the rules"
    if not dry_run:
        if steps:
            group_id = app.push_schema(documents.schema)
            if group_id is not None:
                _await_jobs(app, group_id, sleep)
        if rules_differ:
            app.push_perms(documents.perms)
        problems = schema_differences(app.schema(), documents)
        if app.perms() != documents.perms:
            problems.append("the permission rules are not those of perms.json")
        if problems:
            raise SchemaError(*problems)


def schema_differences(live: Mapping[str, Any], documents: Documents) -> list[str]:
    """What a live schema lacks of `documents`, a sentence each; empty when it is all there."""
    problems = [
        problem
        for namespace, entity in documents.schema["entities"].items()
        for label, wanted in entity["attrs"].items()
        for problem in attribute_problems(live, namespace, label, wanted)
    ]
    live_links = {_link_identity(ref) for ref in live.get("refs", {}).values()}
    for name, wanted in documents.schema["links"].items():
        forward, reverse = wanted["forward"], wanted["reverse"]
        if (forward["on"], forward["label"], reverse["on"], reverse["label"]) not in live_links:
            problems.append(f"the link {name} is missing")
    return problems


def attribute_problems(
    live: Mapping[str, Any], namespace: str, label: str, wanted: Mapping[str, Any]
) -> Iterator[str]:
    """What a live attribute lacks of the `wanted` one, a clause each.

    While Instant's background job makes an old attribute unique it says so already, but old rows are not guarded
    yet: that does not count.
    """
    name = f"{namespace}.{label}"
    found = live.get("blobs", {}).get(namespace, {}).get(label)
    if found is None:
        yield f"{name} is missing"
        return
    config = wanted["config"]
    if config["unique"] and (not found.get("unique?") or found.get("setting-unique?")):
        yield f"{name} is not unique"
    if config["indexed"] and (not found.get("index?") or found.get("indexing?")):
        yield f"{name} is not indexed"
    if wanted["required"] and not found.get("required?"):
        yield f"{name} is not required"
    # Instant's own columns, such as the email of $users, carry no checked type, and nothing is checked of json.
    checked = None if found.get("catalog") == "system" else wanted["valueType"]
    if checked not in (None, "json", found.get("checked-data-type")):
        yield f"{name} is not checked to be a {checked}"


def _link_identity(ref: Mapping[str, Any]) -> tuple[str, str, str, str]:
    _, forward_on, forward_label = ref["forward-identity"]
    _, reverse_on, reverse_label = ref["reverse-identity"]
    return forward_on, forward_label, reverse_on, reverse_label


def _await_jobs(app: SchemaAndRules, group_id: str, sleep: Callable[[float], None]) -> None:
    for pause_s in _JOB_PAUSES_S:
        jobs = app.schema_jobs(group_id)
        failed = [job for job in jobs if job["job_status"] in _JOB_FAILED]
        if failed:
            raise SchemaError(*(f"{job['job_type']} failed: {job.get('error')}" for job in failed))
        if all(job["job_status"] == "completed" for job in jobs):
            return
        sleep(pause_s)
    raise SchemaError("Instant's background jobs did not end in two minutes; run this again later")


def _described(step: list[Any]) -> str:
    """One planned step in words; the shape of its details is Instant's business."""
    op, *details = step
    detail = details[-1] if details and isinstance(details[-1], dict) else {}
    identity = detail.get("forward-identity") or []
    return f"{op} {'.'.join(str(part) for part in identity[1:])}".strip()
