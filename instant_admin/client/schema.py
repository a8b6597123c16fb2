"""`instant/schema.json` and `instant/perms.json` against a live app: push, wait, read back, verify."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from instant_admin.client.admin import InstantAdmin

# Without both of these, one payment could be credited twice or one credit spent twice.
_GUARDS: Final = ("key", "slot")
_JOB_PAUSES_S: Final = (0.1, 0.2, 0.5, *(1.0,) * 120)
_JOB_FAILED: Final = ("errored", "canceled")


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
    instant: InstantAdmin, documents: Documents, *, dry_run: bool, sleep: Callable[[float], None] = time.sleep
) -> Iterator[str]:
    """Bring the live app up to `documents`; yields a line for each thing done, or that would be done.

    Only adds to the schema; replaces the rules. Safe to repeat, and to run on an app in use. Raises
    `SchemaError` when a background job fails or the app read back is not what was pushed.
    """
    steps = instant.plan_schema(documents.schema)
    yield from (f"schema: {_described(step)}" for step in steps)
    rules_differ = instant.perms() != documents.perms
    if rules_differ:
        yield "perms: replace the rules"
    if not dry_run:
        if steps:
            group_id = instant.push_schema(documents.schema)
            if group_id is not None:
                _await_jobs(instant, group_id, sleep)
        if rules_differ:
            instant.push_perms(documents.perms)
        problems = differences(instant, documents)
        if problems:
            raise SchemaError(*problems)


def differences(instant: InstantAdmin, documents: Documents) -> list[str]:
    """What the live app lacks of `documents`, a sentence each; empty when it is all there."""
    problems = schema_differences(instant.schema(), documents)
    if instant.perms() != documents.perms:
        problems.append("the permission rules are not those of perms.json")
    return problems


def schema_differences(live: Mapping[str, Any], documents: Documents) -> list[str]:
    """What a live schema lacks of `documents`, a sentence each; what a background job still works on counts."""
    problems = [
        problem
        for namespace, entity in documents.schema["entities"].items()
        for label, wanted in entity["attrs"].items()
        for problem in _attribute_problems(live, namespace, label, wanted)
    ]
    live_links = {_link_identity(ref) for ref in live.get("refs", {}).values()}
    for name, wanted in documents.schema["links"].items():
        forward, reverse = wanted["forward"], wanted["reverse"]
        if (forward["on"], forward["label"], reverse["on"], reverse["label"]) not in live_links:
            problems.append(f"the link {name} is missing")
    return problems


def missing_guards(live: Mapping[str, Any]) -> list[str]:
    """Which unique attributes the ledger stands on are not really unique in the live schema, a clause each.

    While Instant's background job makes an old attribute unique it says so already, but old rows are not
    guarded yet: that does not count.
    """
    return [
        problem
        for label in _GUARDS
        for problem in _attribute_problems(
            live,
            "creditEntries",
            label,
            {"valueType": "string", "required": True, "config": {"unique": True, "indexed": True}},
        )
    ]


def _attribute_problems(
    live: Mapping[str, Any], namespace: str, label: str, wanted: Mapping[str, Any]
) -> Iterator[str]:
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
    # Instant's own columns, such as the email of $users, carry no checked type.
    if found.get("catalog") != "system" and found.get("checked-data-type") != wanted["valueType"]:
        yield f"{name} is not checked to be a {wanted['valueType']}"


def _link_identity(ref: Mapping[str, Any]) -> tuple[str, str, str, str]:
    _, forward_on, forward_label = ref["forward-identity"]
    _, reverse_on, reverse_label = ref["reverse-identity"]
    return forward_on, forward_label, reverse_on, reverse_label


def _await_jobs(instant: InstantAdmin, group_id: str, sleep: Callable[[float], None]) -> None:
    for pause_s in _JOB_PAUSES_S:
        jobs = instant.schema_jobs(group_id)
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
