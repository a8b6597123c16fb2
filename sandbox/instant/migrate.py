"""Carrying out the steps of a schema push, with the jobs that check or index what is there already."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sandbox.instant import attributes
from sandbox.instant.catalog import Attribute, Catalog, attribute_from_json
from sandbox.instant.errors import ApiError, invalid
from sandbox.instant.schema import FLAGS, Step
from sandbox.instant.storage import next_transaction_id
from sandbox.instant.values import Json, as_uuid, moment, new_uuid

_Change = Callable[[sqlite3.Connection, Catalog, Attribute], None]


@dataclass(frozen=True, slots=True)
class _Job:
    """What a background job does: the attribute's new flags, and the work on the values that exist."""

    flags: Mapping[str, Any]
    work: _Change


def _nothing(connection: sqlite3.Connection, catalog: Catalog, attr: Attribute) -> None:
    """Some flags need no work."""


_JOBS: Final[Mapping[str, _Job]] = {
    "index": _Job({"indexed": True}, attributes.build_index),
    "remove-index": _Job(
        {"indexed": False}, lambda connection, _, attr: attributes.drop_index(connection, attr)
    ),
    "unique": _Job({"unique": True}, attributes.build_unique),
    "remove-unique": _Job(
        {"unique": False}, lambda connection, _, attr: attributes.drop_unique(connection, attr)
    ),
    "required": _Job({"required": True}, attributes.check_all_have),
    "remove-required": _Job({"required": False}, _nothing),
    "check-data-type": _Job({}, attributes.check_all_fit),
    "remove-data-type": _Job({"checked_type": None}, _nothing),
}


# What a job becomes is stored with it, under a name that is never told.
AFTER: Final = "after"
_AHEAD: Final = {"job_status": "waiting", "work_completed": None, "work_estimate": None}
_STAGES: Final = {"required": "estimate-work", "check-data-type": "estimate-work"}
# A push and the later questions do not tell the same of a job.
_ONLY_LATER: Final = ("attr_name", "invalid_triples_sample")
_ONLY_AT_ONCE: Final = (
    *("context", "error_detail", "invalid_entity_id"),
    *("job_dependency", "job_serial_key", "worker_id"),
)
_EMPTY: Final = (*_ONLY_LATER, *_ONLY_AT_ONCE, "done_at", "error", "error_data", "invalid_unique_value")


@dataclass(slots=True)
class Migration:
    """One push, inside its write transaction."""

    connection: sqlite3.Connection
    app: str
    rng: random.Random
    now_ms: int
    jobs: list[dict[str, Json]] = field(default_factory=list)

    def apply(self, steps: list[Step]) -> dict[str, Json]:
        """Take the steps. A job that fails is reported as failed and leaves its attribute as it was."""
        tx_id = next_transaction_id(self.connection)
        made = [_parsed(body) for name, body in steps if name == "add-attr"]
        for name, body in steps:
            if name == "add-attr":
                # All new attributes come at once, where the first of them stands.
                attributes.add(self.connection, self.app, self._catalog(), made)
                made = []
            elif name == "update-attr":
                self._update(body)
            elif name == "delete-attr":
                attr = self._attribute(body)
                attributes.drop(self.connection, self.app, self._catalog(), attr, now_ms=self.now_ms)
            elif name in _JOBS:
                self._job(name, body)
            else:
                raise invalid("steps", [name, body], f"Unsupported action {name}")
        wrote = any(name not in _JOBS for name, _ in steps)
        done = {"id": tx_id, "app_id": self.app, "created_at": moment(self.now_ms), "results": {}}
        return {
            "transaction": done if wrote else {},
            "indexing-jobs": self._keep_jobs(),
            "steps": [[name, body] for name, body in steps],
        }

    def _catalog(self) -> Catalog:
        return attributes.load(self.connection, self.app)

    def _attribute(self, attr_id: Json) -> Attribute:
        attr = self._catalog().by_id.get(as_uuid(attr_id) or "")
        if attr is None:
            raise invalid("attributes", attr_id, "There is no such attribute")
        if attr.system:
            raise invalid("attributes", attr_id, f"{attr.name} belongs to the system")
        return attr

    def _update(self, body: Json) -> None:
        """Change names and flags at once; what does not hold for the values that exist is refused."""
        old = self._attribute(body.get("id"))
        new = _parsed({**old.as_json(), **body, "value-type": "ref" if old.is_link else "blob"})
        new = replace(new, key=old.key, checked_type=old.checked_type)
        attributes.update(self.connection, self.app, new)
        attributes.rename_values(self.connection, self._catalog(), old, new)
        for flag, on, off in FLAGS:
            wanted = getattr(new, flag)
            if wanted != getattr(old, flag) and not (old.is_link and flag != "required"):
                _JOBS[on if wanted else off].work(self.connection, self._catalog(), new)
        if old.is_link and old.unique != new.unique:
            self._set_sole(new)

    def _set_sole(self, attr: Attribute) -> None:
        try:
            self.connection.execute(
                "UPDATE links SET sole = ? WHERE attribute = ?", (int(attr.unique), attr.key)
            )
        except sqlite3.IntegrityError:
            raise invalid("attributes", attr.id, f"{attr.name} has ends with several links") from None

    def _job(self, name: str, body: Json) -> None:
        old = self._attribute(body.get("attr-id"))
        flags = dict(_JOBS[name].flags)
        if name == "check-data-type":
            flags = {"checked_type": body.get("checked-data-type")}
        attr = replace(old, **flags)
        error: dict[str, Json] = {}
        self.connection.execute("SAVEPOINT job")
        try:
            attributes.update(self.connection, self.app, attr)
            _JOBS[name].work(self.connection, self._catalog(), attr)
            if name in ("check-data-type", "remove-data-type") and attr.indexed:
                attributes.build_index(self.connection, self._catalog(), attr)
        except ApiError as exc:
            self.connection.execute("ROLLBACK TO job")
            error = _job_error(exc)
        self.connection.execute("RELEASE job")
        body["job-id"] = new_uuid(self.rng)
        self.jobs.append(
            {
                **dict.fromkeys(_EMPTY),
                **_AHEAD,
                "id": body["job-id"],
                "app_id": self.app,
                "attr_id": old.id,
                "attr_name": old.name,
                "job_type": name,
                "checked_data_type": body.get("checked-data-type"),
                "job_serial_key": "data-type" if name.endswith("data-type") else name.removeprefix("remove-"),
                "created_at": moment(self.now_ms),
                "updated_at": moment(self.now_ms),
                "job_stage": _STAGES.get(name, "update-attr-start"),
                AFTER: {
                    "job_status": "errored" if error else "completed",
                    "done_at": moment(self.now_ms),
                    "work_completed": 1,
                    "work_estimate": 1,
                    **error,
                },
            }
        )

    def _keep_jobs(self) -> dict[str, Json] | None:
        """Store the jobs. They are done, but one is told so only when one asks for the second time."""
        if not self.jobs:
            return None
        batch = new_uuid(self.rng)
        for job in self.jobs:
            job["group_id"] = batch
            self.connection.execute(
                "INSERT INTO jobs VALUES (?, ?, ?, ?)", (job["id"], self.app, batch, json.dumps(job))
            )
        return {"group-id": batch, "jobs": [_told(job, but=_ONLY_LATER) for job in self.jobs]}


def jobs_of(connection: sqlite3.Connection, app: str, *, column: str, value: str) -> list[Json]:
    """The jobs of a batch (`column` is "batch") or one job ("id"), which get on while one asks."""
    sql = {
        "batch": "SELECT id, body FROM jobs WHERE app = ? AND batch = ? ORDER BY rowid",
        "id": "SELECT id, body FROM jobs WHERE app = ? AND id = ?",
    }[column]
    told = []
    for job_id, body in connection.execute(sql, (app, value)).fetchall():
        job = json.loads(body)
        job |= {"job_status": "processing"} if job["job_status"] == "waiting" else job.get(AFTER, {})
        connection.execute("UPDATE jobs SET body = ? WHERE id = ?", (json.dumps(job), job_id))
        told.append(_told(job, but=_ONLY_AT_ONCE))
    return told


def _told(job: Json, *, but: tuple[str, ...]) -> Json:
    return {name: value for name, value in job.items() if name not in (AFTER, *but)}


def _parsed(body: Json) -> Attribute:
    try:
        return attribute_from_json(body)
    except (KeyError, TypeError, ValueError) as exc:
        raise invalid("tx-steps", body, f"Not an attribute: {exc}") from None


def _job_error(exc: ApiError) -> dict[str, Json]:
    hint = exc.hint or {}
    if exc.kind == "record-not-unique":
        return {"error": "triple-not-unique-error", "invalid_unique_value": json.loads(hint["value"])}
    if "records" in hint:
        return {"error": "missing-required-error"}
    size = "value-too-large?" in hint
    return {"error": "triple-too-large-error" if size else "invalid-triple-error"}
