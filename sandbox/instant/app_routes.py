"""The routes that push and pull a schema and rules: `/superadmin/apps/…`, and the CLI's `/dash/apps/…`."""

from __future__ import annotations

from sandbox.instant.apps import App
from sandbox.instant.call import Call
from sandbox.instant.errors import broken, invalid, invalid_all, not_found
from sandbox.instant.migrate import Migration, jobs_of
from sandbox.instant.rules_check import complaints
from sandbox.instant.schema import Planner, Step, schema_json
from sandbox.instant.values import Json


def app_info(call: Call) -> Json:
    """GET /superadmin/apps/{id}."""
    app = call.path_app()
    return {"app": {"id": app.id, "title": app.title, "status": app.status}}


def schema(call: Call) -> Json:
    """GET …/schema."""
    app = call.path_app()
    return {"schema": _schema(call, app)}


def schema_pull(call: Call) -> Json:
    """GET /dash/apps/{id}/schema/pull."""
    app = call.path_app()
    return {
        "schema": _schema(call, app),
        "attrs": [attr.as_json() for attr in call.backend.storage.catalog(app.id).attributes],
        "app-title": app.title,
    }


def schema_plan(call: Call) -> Json:
    """POST …/schema/push/plan: what a push would do."""
    return _plan(call, call.path_app())


def schema_apply(call: Call) -> Json:
    """POST …/schema/push/apply."""
    app = call.path_app()
    plan = _plan(call, app)
    return plan | _apply(call, app, [(name, body) for name, body in plan["steps"]])


def schema_steps(call: Call) -> Json:
    """POST /dash/apps/{id}/schema/steps/apply: steps that the CLI worked out, renames and deletes included."""
    app = call.path_app()
    raw = call.field("steps", list)
    if not all(isinstance(step, list) and len(step) == 2 and isinstance(step[0], str) for step in raw):
        raise invalid("steps", raw, "A step is a name and what it is about")
    return _apply(call, app, [(name, body) for name, body in raw])


def job_group(call: Call) -> Json:
    """GET …/indexing-jobs/group/{group-id}."""
    return {"jobs": _jobs(call, "batch", call.args["group_id"])}


def job(call: Call) -> Json:
    """GET …/indexing-jobs/{job-id}."""
    found = _jobs(call, "id", call.args["job_id"])
    if not found:
        raise not_found("indexing-job", {"id": call.args["job_id"]})
    return {"job": found[0]}


def perms(call: Call) -> Json:
    """GET …/perms: the document as it was pushed, or null."""
    code = call.path_app().rules.code
    return {"perms": None if code is None else dict(code)}


def push_perms(call: Call) -> Json:
    """POST …/perms: replace the whole document."""
    app = call.path_app()
    code = call.field("code", dict)
    wrong = complaints(code)
    if wrong:
        raise invalid_all("rule", code, wrong)
    if code == app.rules.code:
        return {"rules": None}
    call.apps.set_rules(app.id, code)
    return {"rules": {"app_id": app.id, "code": code, "version": 0}}


def _schema(call: Call, app: App) -> Json:
    return schema_json(call.backend.storage.catalog(app.id), separator=None)


def _plan(call: Call, app: App) -> dict[str, Json]:
    catalog = call.backend.storage.catalog(app.id)
    planner = Planner(
        catalog,
        call.backend.rng,
        check_types=bool(call.body.get("check_types")),
        background=bool(call.body.get("supports_background_updates")),
    )
    pushed = call.body.get("schema")
    try:
        steps, new_schema = planner.steps(pushed), planner.new_schema(pushed)
    except (AttributeError, KeyError, TypeError):
        raise broken() from None
    return {
        "new-schema": new_schema,
        "current-schema": _schema(call, app),
        "current-attrs": [attr.as_json() for attr in catalog.attributes],
        "steps": [[name, body] for name, body in steps],
    }


def _apply(call: Call, app: App, steps: list[Step]) -> dict[str, Json]:
    backend = call.backend
    app.check_writable()
    with backend.storage.writing(app.id) as connection:
        done = Migration(connection, app.id, backend.rng, backend.now_ms()).apply(steps)
        backend.storage.forget_catalog(app.id)
    return done


def _jobs(call: Call, column: str, value: str) -> list[Json]:
    app = call.path_app()
    with call.backend.storage.writing(app.id) as connection:
        return jobs_of(connection, app.id, column=column, value=value)
