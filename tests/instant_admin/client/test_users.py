"""Signing in and out on the wire."""

import json
from typing import Any

import pytest
import responses
from responses import matchers

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.errors import InstantBroken, MemberTokenRefused
from tests.instant_admin.client.wires import ID, REFRESH, URI

ADA = {"id": str(ID), "email": "ada@example.com", "refresh_token": REFRESH}


def sent(wire: responses.RequestsMock) -> Any:
    return json.loads(wire.calls[-1].request.body or "")


def test_a_code_and_an_email_are_traded_for_a_token(
    wire: responses.RequestsMock, instant: InstantAdmin
) -> None:
    wire.post(f"{URI}/admin/verify_magic_code", json={"user": ADA, "created": True})
    assert instant.verify_magic_code("ada@example.com", "012345") == {"user": ADA, "created": True}
    assert sent(wire) == {"email": "ada@example.com", "code": "012345"}
    wire.post(f"{URI}/admin/refresh_tokens", json={"user": ADA, "created": False})
    assert instant.create_token(email="ada@example.com")["user"]["refresh_token"] == REFRESH
    assert sent(wire) == {"email": "ada@example.com"}


def test_a_used_up_refresh_token_is_the_members_and_not_the_admins(
    wire: responses.RequestsMock, instant: InstantAdmin
) -> None:
    refusal = {"type": "record-not-found", "hint": {"record-type": "app-user"}}
    wire.post(f"{URI}/admin/query", status=400, json=refusal)
    with pytest.raises(MemberTokenRefused):
        instant.as_member(REFRESH).query({"notes": {}})


@pytest.mark.parametrize("user", [None, {"id": "ada", "refresh_token": REFRESH}, {"id": str(ID)}])
def test_a_user_without_an_id_or_a_token_is_nonsense(
    wire: responses.RequestsMock, instant: InstantAdmin, user: Any
) -> None:
    wire.post(f"{URI}/admin/refresh_tokens", json={"user": user})
    with pytest.raises(InstantBroken):
        instant.create_token(email="ada@example.com")


def test_signing_out_names_the_token(wire: responses.RequestsMock, instant: InstantAdmin) -> None:
    wire.post(f"{URI}/admin/sign_out", json={"ok": True})
    instant.sign_out(REFRESH)
    assert sent(wire) == {"refresh_token": REFRESH}


@pytest.mark.parametrize("name", [{"email": "ada@example.com"}, {"user_id": ID}])
def test_a_user_is_deleted_by_one_name(
    wire: responses.RequestsMock, instant: InstantAdmin, name: dict[str, Any]
) -> None:
    asked = {label.removeprefix("user_"): str(value) for label, value in name.items()}
    wire.delete(f"{URI}/admin/users", json={"deleted": ADA}, match=[matchers.query_param_matcher(asked)])
    assert instant.delete_user(**name) == ADA
