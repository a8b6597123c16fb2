"""What the settings may not say about limits."""

from typing import Any

import pytest

from accounts.checks import check_limits


@pytest.mark.parametrize(
    "name", ["WRITES_PER_MEMBER_PER_MINUTE", "CODES_PER_ADDRESS_PER_HOUR", "CODES_PER_EMAIL_PER_DAY"]
)
def test_a_limit_that_allows_nothing_is_an_error(settings: Any, name: str) -> None:
    assert list(check_limits(None)) == []
    setattr(settings, name, 0)
    assert [(str(found.id), found.msg.split()[0]) for found in check_limits(None)] == [
        ("accounts.E012", name)
    ]
