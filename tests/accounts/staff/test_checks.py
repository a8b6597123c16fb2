"""What the checks say about how staff log in."""

from __future__ import annotations

from pytest_django import Settings

from accounts.staff.checks import check_second_factor


def test_going_live_without_a_second_factor_is_a_warning(settings: Settings) -> None:
    (found,) = check_second_factor(None)
    assert (found.id, found.level) == ("accounts.W011", 30)
    settings.STAFF_TOTP_REQUIRED = True
    assert list(check_second_factor(None)) == []
