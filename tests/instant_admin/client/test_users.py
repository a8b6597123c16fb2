"""Signing in and out on the wire."""

import json
from typing import Any
from uuid import UUID

import pytest
import responses
from responses import matchers

from instant_admin.client.admin import InstantAdmin
from instant_admin.client.errors import InstantBroken, MemberTokenRefused
from tests.instant_admin.client.wires import APP, ID, REFRESH, TOKEN, URI

ADA = {"id": str(ID), "email": "ada@example.com", "refresh_token": REFRESH}
OTHER = UUID("ffff0000-0000-4000-8000-000000000002")


def sent(wire: responses.RequestsMock) -> Any:
    return json.loads(wire.calls[-1].request.body or "")


def test_a_code_is_traded_with_what_a_new_user_gets_and_the_guest_they_were(
    wire: responses.RequestsMock, instant: InstantAdmin
) -> None:
    wire.post(f"{URI}/admin/verify_magic_code", json={"user": ADA, "created": True})
    signed_in = instant.verify_magic_code(
        "ada@example.com", "012345", extra_fields={"nick": "A"}, guest_token=TOKEN
    )
    assert signed_in["user"]["refresh_token"] == REFRESH
    assert signed_in["created"] is True
    assert sent(wire) == {
        "email": "ada@example.com",
        "code": "012345",
        "refresh-token": TOKEN,
        "extra-fields": {"nick": "A"},
    }


def test_what_is_not_asked_for_is_not_sent(wire: responses.RequestsMock, instant: InstantAdmin) -> None:
    wire.post(f"{URI}/admin/verify_magic_code", json={"user": ADA, "created": False})
    instant.verify_magic_code("ada@example.com", "012345")
    assert sent(wire) == {"email": "ada@example.com", "code": "012345"}
    wire.post(f"{URI}/admin/sign_in_guest", json={"user": ADA})
    instant.sign_in_guest()
    assert sent(wire) == {}


def test_a_token_is_made_by_email_and_id_together(
    wire: responses.RequestsMock, instant: InstantAdmin
) -> None:
    wire.post(f"{URI}/admin/refresh_tokens", json={"user": ADA, "created": True})
    instant.create_token(email="ada@example.com", user_id=ID, extra_fields={})
    assert sent(wire) == {"email": "ada@example.com", "id": str(ID), "extra-fields": {}}


def test_a_refresh_token_is_verified_without_any_other_token(
    wire: responses.RequestsMock, instant: InstantAdmin
) -> None:
    wire.post(
        f"{URI}/runtime/auth/verify_refresh_token",
        json={"user": ADA},
        match=[matchers.json_params_matcher({"app-id": APP, "refresh-token": REFRESH})],
    )
    assert instant.verify_refresh_token(REFRESH)["id"] == str(ID)
    assert "Authorization" not in wire.calls[0].request.headers


def test_a_used_up_refresh_token_is_the_members_and_not_the_admins(
    wire: responses.RequestsMock, instant: InstantAdmin
) -> None:
    refusal = {"type": "record-not-found", "hint": {"record-type": "app-user"}}
    wire.post(f"{URI}/runtime/auth/verify_refresh_token", status=400, json=refusal)
    with pytest.raises(MemberTokenRefused):
        instant.verify_refresh_token(REFRESH)


@pytest.mark.parametrize("user", [None, {"id": "ada", "refresh_token": REFRESH}, {"id": str(ID)}])
def test_a_user_without_an_id_or_a_token_is_nonsense(
    wire: responses.RequestsMock, instant: InstantAdmin, user: Any
) -> None:
    wire.post(f"{URI}/runtime/auth/verify_refresh_token", json={"user": user})
    with pytest.raises(InstantBroken):
        instant.verify_refresh_token(REFRESH)


def test_signing_out_names_one_token_or_the_whole_user(
    wire: responses.RequestsMock, instant: InstantAdmin
) -> None:
    wire.post(f"{URI}/admin/sign_out", json={"ok": True})
    instant.sign_out(REFRESH)
    assert sent(wire) == {"refresh_token": REFRESH}
    instant.sign_out_everywhere(OTHER)
    assert sent(wire) == {"id": str(OTHER)}


def test_a_user_is_found_and_deleted_by_one_name(wire: responses.RequestsMock, instant: InstantAdmin) -> None:
    by_email = matchers.query_param_matcher({"email": "ada@example.com"})
    wire.get(f"{URI}/admin/users", json={"user": None}, match=[by_email])
    assert instant.user(email="ada@example.com") is None
    by_id = matchers.query_param_matcher({"id": str(ID)})
    wire.delete(f"{URI}/admin/users", json={"deleted": ADA}, match=[by_id])
    assert instant.delete_user(user_id=ID) == ADA
