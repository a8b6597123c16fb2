"""The `/admin` routes: data and users of one app."""

from __future__ import annotations

from dataclasses import replace

from sandbox.instant import attributes
from sandbox.instant.access import Caller
from sandbox.instant.apps import with_rules
from sandbox.instant.call import Call
from sandbox.instant.catalog import Attribute, Catalog
from sandbox.instant.errors import invalid, invalid_all, malformed_param, missing_param
from sandbox.instant.query import Answer, Guard, Query
from sandbox.instant.rules_check import complaints
from sandbox.instant.schema import schema_json
from sandbox.instant.transact import Transaction, transaction
from sandbox.instant.values import Json, as_uuid, moment

# The rule parameters travel inside the query.
RULE_PARAMS = "$$ruleParams"


def query(call: Call) -> Json:
    """POST /admin/query."""
    asked = call.field("query", dict)
    answer, _ = answer_query(call, call.caller(), asked)
    return answer.tree


def answer_query(call: Call, caller: Caller, asked: Json) -> tuple[Answer, Guard | None]:
    """Run a query on behalf of a caller, in one snapshot."""
    inference = bool(call.body.get("inference?"))
    with call.backend.storage.reading() as connection:
        guard = None
        if not caller.admin:
            guard = Guard(call.access(connection, caller), asked.get(RULE_PARAMS))
        catalog = call.backend.storage.catalog(caller.app.id)
        return Query(connection, catalog, guard, inference).run(asked), guard


def query_perms_check(call: Call) -> Json:
    """POST /admin/query_perms_check: the query's answer and what each rule said."""
    call.admin_app()
    answer, guard = answer_query(call, _rehearsing(call), call.field("query", dict))
    return {
        "check-results": list(guard.report()) if guard else [],
        "result": answer.tree,
        "rule-wheres": None,
    }


def transact(call: Call) -> Json:
    """POST /admin/transact."""
    steps = call.field("steps", list)
    return {"tx-id": _transaction(call, call.caller(), steps).run()}


def transact_perms_check(call: Call) -> Json:
    """POST /admin/transact_perms_check: what each rule says to a transact that is then rolled back."""
    call.admin_app()
    steps = call.field("steps", list)
    rehearsal = _transaction(call, _rehearsing(call), steps)
    outcome = rehearsal.rehearse(commit=bool(call.body.get("dangerously-commit-tx")))
    return {
        "tx-id": outcome.tx_id,
        "all-checks-ok?": all(check["check-pass?"] for check in outcome.report),
        "committed?": outcome.committed,
        "check-results": outcome.report,
    }


def _transaction(call: Call, caller: Caller, steps: Json) -> Transaction:
    throw = bool(call.body.get("throw-on-missing-attrs?"))
    return transaction(call.backend, caller, steps, throw_on_missing=throw)


def _rehearsing(call: Call) -> Caller:
    """The impersonated caller of a permission check, with the rules that the check may bring along."""
    caller = call.caller()
    if caller.admin:
        raise invalid("non-admin", "non-admin", "Cannot test perms as admin")
    caller = replace(
        caller,
        show_errors=True,
        ip=call.body.get("ip-override") or caller.ip,
        origin=call.body.get("origin-override") or caller.origin,
    )
    rules = call.body.get("rules-override")
    if rules is None:
        return caller
    wrong = complaints(rules)
    if wrong:
        raise invalid_all("rule", rules, wrong)
    return replace(caller, app=with_rules(caller.app, rules))


def schema(call: Call) -> Json:
    """GET /admin/schema."""
    return {"schema": schema_json(call.backend.storage.catalog(call.admin_app().id))}


def soft_deleted_attrs(call: Call) -> Json:
    """GET /admin/soft_deleted_attrs."""
    app = call.admin_app()
    with call.backend.storage.reading() as connection:
        gone = attributes.deleted(connection, app.id)
    catalog = call.backend.storage.catalog(app.id)
    return {"attrs": [_deleted(catalog, attr, when) for attr, when in gone], "grace-period-days": 2}


def _deleted(catalog: Catalog, attr: Attribute, when_ms: int) -> dict[str, Json]:
    """A deleted attribute: out of the way of its names, and with what is needed to bring it back."""
    renamed = replace(attr, etype=f"{attr.id}_deleted${attr.etype}", label=f"{attr.id}_deleted${attr.label}")
    id_attr = catalog.forward.get((attr.etype, "id"), attr)
    snapshot = {"is_indexed": attr.indexed, "is_required": attr.required or None, "id_attr_id": id_attr.id}
    return {
        **replace(renamed, indexed=False, required=False).as_json(),
        "deletion-marked-at": moment(when_ms),
        "metadata": {"soft_delete_snapshot": snapshot},
    }


def presence(call: Call) -> Json:
    """GET /admin/rooms/presence. Nobody can join a room here, so every room is empty."""
    call.admin_app()
    for name in ("room-type", "room-id"):
        if not call.params.get(name):
            raise missing_param("params", name)
    return {"sessions": None}


def runtime_token(call: Call) -> tuple[str, str]:
    """The app's id and the token that the body of /runtime/auth/verify_refresh_token carries."""
    found = []
    for name in ("app-id", "refresh-token"):
        given = call.body.get(name)
        if given is None:
            raise missing_param("body", name)
        value = as_uuid(given)
        if value is None:
            raise malformed_param(("body", name), given)
        found.append(value)
    return found[0], found[1]
