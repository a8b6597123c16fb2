from typing import Any

import pytest

from tests.sandbox.instant.harness import Harness, new_id, refused


def test_an_admin_may_write_a_users_email_as_it_is(instant: Harness) -> None:
    instant.create("$users", email="Ada@Example.com")
    assert instant.find("$users")[0]["email"] == "Ada@Example.com"


def test_nobody_may_write_the_columns_of_a_file(instant: Harness) -> None:
    with refused("validation-failed", {"data-type": "tx-step"}):
        instant.transact(["update", "$files", new_id(), {"size": 1}])


@pytest.mark.parametrize(
    ("action", "entity", "values"),
    [
        ("update", None, [{"email": "new@example.com"}]),
        ("create", "aaaaaaaa-1111-4111-8111-111111111111", [{"nick": "x"}]),
        ("delete", None, []),
    ],
)
def test_a_user_may_not(instant: Harness, action: str, entity: str | None, values: list[Any]) -> None:
    user, as_user = instant.sign_in("ada@example.com")
    with refused("validation-failed", {"data-type": "tx-step"}):
        instant.transact([action, "$users", entity or user, *values], headers=as_user)


def test_a_user_may_write_custom_attributes_of_their_row_unless_a_rule_forbids_it(instant: Harness) -> None:
    user, as_user = instant.sign_in("ada@example.com")
    instant.transact(["update", "$users", user, {"credits": 1}])
    instant.transact(["update", "$users", user, {"credits": 1000}], headers=as_user)
    assert instant.find("$users")[0]["credits"] == 1000
    instant.push_rules({"$users": {"allow": {"update": "false"}}})
    with refused("permission-denied"):
        instant.transact(["update", "$users", user, {"credits": 2000}], headers=as_user)
