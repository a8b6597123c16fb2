"""The app's schema and its permission rules: the part of the client that pushes and reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from instant_admin.client import protocol
from instant_admin.client.protocol import Call
from instant_admin.client.transport import Transport
from instant_admin.client.types import Step


class AppDocuments:
    """A part of `InstantAdmin`. Source: `/superadmin/apps/{id}` and beside it, with the app's admin token."""

    app_id: str
    _transport: Transport

    def schema(self) -> dict[str, Any]:
        """The live schema: `{"blobs": {namespace: {label: attribute}}, "refs": {name: link}}`."""
        answer = self._transport.send(Call("GET", "/admin/schema", effect="none"))
        if not isinstance(answer.get("schema"), dict):
            raise protocol.nonsense("a schema that is no object")
        return cast("dict[str, Any]", answer["schema"])

    def deleted_attributes(self) -> list[dict[str, Any]]:
        """Attributes that were deleted lately, as the schema had them, with `deletion-marked-at`.

        Their values are swept after two days. Source: `GET /admin/soft_deleted_attrs`.
        """
        answer = self._transport.send(Call("GET", "/admin/soft_deleted_attrs", effect="none"))
        return cast("list[dict[str, Any]]", answer.get("attrs") or [])

    def plan_schema(self, schema: Mapping[str, Any]) -> list[Step]:
        """The steps that `push_schema` would take."""
        path = f"/superadmin/apps/{self.app_id}/schema/push/plan"
        answer = self._transport.send(Call("POST", path, _push_body(schema), effect="none"))
        return cast("list[Step]", answer.get("steps") or [])

    def push_schema(self, schema: Mapping[str, Any]) -> str | None:
        """Add to the live schema what it lacks of `schema`; returns the group of background jobs to wait for."""
        path = f"/superadmin/apps/{self.app_id}/schema/push/apply"
        answer = self._transport.send(Call("POST", path, _push_body(schema), effect="same"))
        jobs = answer.get("indexing-jobs")
        return str(jobs["group-id"]) if isinstance(jobs, dict) and jobs.get("group-id") else None

    def schema_jobs(self, group_id: str) -> list[dict[str, Any]]:
        """How the background jobs of one push stand: each has `job_type`, `job_status` and `error`."""
        path = f"/dash/apps/{self.app_id}/indexing-jobs/group/{group_id}"
        answer = self._transport.send(Call("GET", path, effect="none"))
        return cast("list[dict[str, Any]]", answer.get("jobs") or [])

    def perms(self) -> dict[str, Any] | None:
        """The permission rules as they were pushed, or None when none ever were."""
        answer = self._transport.send(Call("GET", f"/superadmin/apps/{self.app_id}/perms", effect="none"))
        return cast("dict[str, Any] | None", answer.get("perms"))

    def push_perms(self, rules: Mapping[str, Any]) -> None:
        """Replace the permission rules; bad ones are `InstantRejected` and change nothing."""
        path = f"/superadmin/apps/{self.app_id}/perms"
        self._transport.send(Call("POST", path, {"code": dict(rules)}, effect="same"))


def _push_body(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"schema": dict(schema), "check_types": True, "supports_background_updates": True}
