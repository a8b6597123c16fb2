"""Trying the permission rules out, on the wire."""

import json
from typing import Any

import pytest
import responses
from responses import matchers

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.errors import InstantBroken
from instant_admin.client.perms_check import RuleCheck
from instant_admin.client.steps import create, lookup
from tests.instant_admin.client.wires import ID, REFRESH, TOKEN, URI

AS_MEMBER = matchers.header_matcher({"As-Token": REFRESH, "Authorization": f"Bearer {TOKEN}"})


def sent(wire: responses.RequestsMock) -> Any:
    return json.loads(wire.calls[-1].request.body or "")


def test_a_query_is_tried_as_the_member_with_the_admins_leave(
    wire: responses.RequestsMock, instant: InstantAdmin
) -> None:
    row: dict[str, Any] = {"id": str(ID), "entity": "haikus", "label": None, "record": {}, "check": True}
    secret = row | {"label": "secret", "check": False, "program": {"code": "x", "display-code": "false"}}
    answer = {"check-results": [row, secret], "result": {"haikus": [{"id": str(ID)}]}, "rule-wheres": None}
    wire.post(f"{URI}/admin/query_perms_check", json=answer, match=[AS_MEMBER])
    rules = {"haikus": {"allow": {"view": "true"}}}
    check = instant.as_member(REFRESH).query_perms_check({"haikus": {}}, rules=rules, rule_params={"p": 1})
    assert check.tree == {"haikus": [{"id": str(ID)}]}
    assert check.checks == (
        RuleCheck("haikus", ID, "view", True, True),
        RuleCheck("haikus", ID, "view", False, False, rule="false", label="secret"),
    )
    assert sent(wire) == {"query": {"haikus": {}, "$$ruleParams": {"p": 1}}, "rules-override": rules}


def test_a_transaction_is_tried_and_undone_unless_told_otherwise(
    wire: responses.RequestsMock, instant: InstantAdmin
) -> None:
    row = {
        "etype": "haikus",
        "eid": ["key", "k"],
        "action": "create",
        "check-result": "no",
        "check-pass?": True,
    }
    answer = {"tx-id": 7, "all-checks-ok?": True, "committed?": False, "check-results": [row]}
    wire.post(f"{URI}/admin/transact_perms_check", json=answer, match=[AS_MEMBER])
    steps = [create("haikus", lookup("key", "k"), {"topic": "rain"})]
    check = instant.as_member(REFRESH).transact_perms_check(steps)
    assert (check.passed, check.committed) == (True, False)
    assert check.checks == (RuleCheck("haikus", None, "create", True, "no"),)
    assert sent(wire) == {"steps": steps, "throw-on-missing-attrs?": True, "dangerously-commit-tx": False}
    instant.as_member(REFRESH).transact_perms_check(steps, commit=True)
    assert sent(wire)["dangerously-commit-tx"] is True


def test_a_guest_brings_the_admin_token_too(wire: responses.RequestsMock, instant: InstantAdmin) -> None:
    wire.post(f"{URI}/admin/query_perms_check", json={"check-results": [], "result": {}})
    instant.as_guest().query_perms_check({})
    headers = wire.calls[0].request.headers
    assert (headers["As-Guest"], headers["Authorization"]) == ("true", f"Bearer {TOKEN}")


def test_a_check_without_an_outcome_is_nonsense(wire: responses.RequestsMock, instant: InstantAdmin) -> None:
    wire.post(f"{URI}/admin/transact_perms_check", json={"check-results": []})
    with pytest.raises(InstantBroken):
        instant.as_guest().transact_perms_check([])
