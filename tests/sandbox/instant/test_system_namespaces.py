from typing import Any

import pytest

from tests.sandbox.instant.harness import Harness, Refused, new_id


def test_an_admin_may_write_a_users_email_as_it_is(instant: Harness) -> None:
    user = new_id()
    instant.transact(["create", "$users", user, {"email": "Ada@Example.com"}])
    assert instant.find("$users")[0]["email"] == "Ada@Example.com"


def test_nobody_may_write_the_columns_of_a_file(instant: Harness) -> None:
    with pytest.raises(Refused) as refused:
        instant.transact(["update", "$files", new_id(), {"size": 1}])
    assert refused.value.hint["data-type"] == "tx-step"


@pytest.mark.parametrize(
    "step",
    [
        ["update", "$users", "SELF", {"email": "new@example.com"}],
        ["create", "$users", new_id(), {"nick": "x"}],
        ["delete", "$users", "SELF"],
    ],
)
def test_a_user_may_not(instant: Harness, step: list[Any]) -> None:
    user, as_user = instant.sign_in("ada@example.com")
    step = [user if part == "SELF" else part for part in step]
    with pytest.raises(Refused) as refused:
        instant.transact(step, headers=as_user)
    assert refused.value.hint["data-type"] == "tx-step"


def test_a_user_may_write_a_custom_attribute_of_their_own_row_unless_a_rule_forbids_it(
    instant: Harness,
) -> None:
    user, as_user = instant.sign_in("ada@example.com")
    instant.transact(["update", "$users", user, {"credits": 1}])
    instant.transact(["update", "$users", user, {"credits": 1000}], headers=as_user)
    assert instant.find("$users")[0]["credits"] == 1000
    instant.push_rules({"$users": {"allow": {"update": "false"}}})
    with pytest.raises(Refused, match="permission-denied"):
        instant.transact(["update", "$users", user, {"credits": 2000}], headers=as_user)
