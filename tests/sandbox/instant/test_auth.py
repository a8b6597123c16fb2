import re
from typing import Any

import pytest

from tests.sandbox.instant.harness import Harness, Refused, attrs, link, new_id

ADA = "ada@example.com"


def verify(instant: Harness, code: Any, email: str = ADA, more: Any = None) -> Any:
    body = {"email": email, "code": code, **(more or {})}
    return instant.call("POST", "/admin/verify_magic_code", body)


def make_code(instant: Harness, email: str = ADA) -> str:
    return str(instant.call("POST", "/admin/magic_code", {"email": email})["code"])


def test_a_code_is_six_digits_from_0_to_8_and_signs_in_once(instant: Harness) -> None:
    codes = [make_code(instant) for _ in range(30)]
    assert all(re.fullmatch(r"[0-8]{6}", code) for code in codes)
    answer = verify(instant, codes[0], email=" ADA@Example.com ")
    assert answer["created"] is True
    assert answer["user"]["email"] == ADA
    assert answer["user"]["type"] == "user"
    assert answer["user"]["isGuest"] is False
    assert answer["user"]["app_id"] == instant.app.id
    with pytest.raises(Refused) as refused:
        verify(instant, codes[0])
    assert (refused.value.status, refused.value.kind) == (400, "record-not-found")
    assert refused.value.hint["record-type"] == "app-user-magic-code"
    assert verify(instant, codes[1])["created"] is False


def test_only_a_sent_code_is_mailed(instant: Harness) -> None:
    make_code(instant)
    code = instant.call("POST", "/admin/send_magic_code", {"email": ADA})["code"]
    assert instant.mails == [(ADA, code)]


def test_a_wrong_code_or_anothers_is_not_found(instant: Harness) -> None:
    code = make_code(instant, "ben@example.com")
    for given in (code, "999999"):
        with pytest.raises(Refused, match="record-not-found"):
            verify(instant, given)
    assert verify(instant, code, "ben@example.com")["created"] is True


def test_a_code_expires_after_a_day_and_says_so_each_time(instant: Harness) -> None:
    code = make_code(instant)
    instant.now += 24 * 3600 + 1
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            verify(instant, code)
        assert refused.value.kind == "record-expired"


def test_twenty_tries_an_hour_then_429(instant: Harness) -> None:
    for _ in range(20):
        with pytest.raises(Refused, match="record-not-found"):
            verify(instant, "999999")
    code = make_code(instant)
    with pytest.raises(Refused) as refused:
        verify(instant, code)
    assert (refused.value.status, refused.value.kind) == (429, "rate-limited")
    instant.now += 3600
    assert verify(instant, code)["created"] is True


def test_twenty_mails_an_hour_and_making_codes_without_mail_is_not_counted(instant: Harness) -> None:
    for _ in range(25):
        make_code(instant)
    for _ in range(20):
        instant.call("POST", "/admin/send_magic_code", {"email": ADA})
    with pytest.raises(Refused, match="rate-limited"):
        instant.call("POST", "/admin/send_magic_code", {"email": ADA})


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, "param-missing"),
        ({"email": "nobody"}, "param-malformed"),
        ({"email": 7}, "param-malformed"),
        ({"email": ADA, "code": 123456}, "param-malformed"),
        ({"email": ADA}, "param-missing"),
    ],
)
def test_a_body_that_lacks_something_is_refused(instant: Harness, body: Any, kind: str) -> None:
    with pytest.raises(Refused) as refused:
        instant.call("POST", "/admin/verify_magic_code", body)
    assert refused.value.kind == kind
    assert refused.value.hint["in"][0] == "body"


@pytest.mark.parametrize(
    "email", ["user@bücher.example", "jörg@example.com", "ada@localhost", "a b@example.com"]
)
def test_an_address_is_ascii_and_its_host_has_a_dot(instant: Harness, email: str) -> None:
    for route in ("magic_code", "refresh_tokens"):
        with pytest.raises(Refused, match="param-malformed"):
            instant.call("POST", f"/admin/{route}", {"email": email})


def test_an_address_is_stored_in_lower_case(instant: Harness) -> None:
    # The Kelvin sign is one of the letters that become ASCII then.
    made = instant.call("POST", "/admin/refresh_tokens", {"email": " \u212aim@xn--bcher-kva.Example "})
    assert made["user"]["email"] == "kim@xn--bcher-kva.example"


def test_extra_fields_are_for_new_users_and_custom_attributes_only(instant: Harness) -> None:
    instant.push({"entities": {"$users": attrs(nick="string")}})
    user = verify(instant, make_code(instant), more={"extra-fields": {"nick": "Countess"}})["user"]
    assert user["nick"] == "Countess"
    again = verify(instant, make_code(instant), more={"extra-fields": {"nonsense": 1}})["user"]
    assert again["nick"] == "Countess"
    for extra in ({"nonsense": 1}, {"type": "admin"}):
        code = make_code(instant, "new@example.com")
        with pytest.raises(Refused) as refused:
            verify(instant, code, "new@example.com", more={"extra-fields": extra})
        assert refused.value.hint["data-type"] == "extra-fields"
        verify(instant, code, "new@example.com")
        instant.call("DELETE", "/admin/users?email=new@example.com")


def test_a_guest_who_signs_in_keeps_their_id_or_is_linked_to_who_they_are(instant: Harness) -> None:
    guest = instant.call("POST", "/admin/sign_in_guest", {})["user"]
    assert (guest["type"], guest["isGuest"]) == ("guest", True)
    assert instant.find("$users") == [{"id": guest["id"], "type": "guest"}]
    token = {"refresh-token": guest["refresh_token"]}
    user = verify(instant, make_code(instant), more=token)["user"]
    assert (user["id"], user["type"], user["email"]) == (guest["id"], "user", ADA)
    second = instant.call("POST", "/admin/sign_in_guest", {})["user"]
    token = {"refresh-token": second["refresh_token"]}
    assert verify(instant, make_code(instant), more=token)["user"]["id"] == user["id"]
    linked = instant.find("$users", {"id": second["id"]})[0]
    assert linked["linkedPrimaryUser"] == user["id"]


def test_a_token_is_made_for_an_email_or_an_id_and_the_user_with_it(instant: Harness) -> None:
    first = instant.call("POST", "/admin/refresh_tokens", {"email": ADA})
    second = instant.call("POST", "/admin/refresh_tokens", {"id": first["user"]["id"]})
    assert (first["created"], second["created"]) == (True, False)
    assert first["user"]["refresh_token"] != second["user"]["refresh_token"]
    assert "type" not in first["user"]
    chosen = new_id()
    made = instant.call("POST", "/admin/refresh_tokens", {"email": "b@example.com", "id": chosen})
    assert made["user"]["id"] == chosen
    with pytest.raises(Refused, match="validation-failed"):
        instant.call("POST", "/admin/refresh_tokens", {})


def test_a_token_is_verified_without_any_header(instant: Harness) -> None:
    user, header = instant.sign_in(ADA)
    nothing = {"app-id": "", "authorization": ""}
    body = {"app-id": instant.app.id, "refresh-token": header["as-token"]}
    answer = instant.call("POST", "/runtime/auth/verify_refresh_token", body, nothing)
    assert answer["user"]["id"] == user
    with pytest.raises(Refused, match="record-not-found"):
        instant.call(
            "POST", "/runtime/auth/verify_refresh_token", {**body, "refresh-token": new_id()}, nothing
        )


@pytest.mark.parametrize("by", ["email", "id", "refresh_token"])
def test_sign_out_ends_one_session_or_all(instant: Harness, by: str) -> None:
    user, first = instant.sign_in(ADA)
    _, second = instant.sign_in(ADA)
    body = {"email": ADA, "id": user, "refresh_token": first["as-token"]}
    assert instant.call("POST", "/admin/sign_out", {by: body[by]}) == {"ok": True}
    with pytest.raises(Refused, match="record-not-found"):
        instant.query({"$users": {}}, headers=first)
    if by == "refresh_token":
        assert len(instant.query({"$users": {}}, headers=second)["$users"]) == 1
    else:
        with pytest.raises(Refused, match="record-not-found"):
            instant.query({"$users": {}}, headers=second)


def test_sign_out_of_the_unknown(instant: Harness) -> None:
    for body in ({"id": new_id()}, {"refresh_token": new_id()}):
        assert instant.call("POST", "/admin/sign_out", body) == {"ok": True}
    with pytest.raises(Refused, match="record-not-found"):
        instant.call("POST", "/admin/sign_out", {"email": "nobody@example.com"})
    with pytest.raises(Refused, match="validation-failed"):
        instant.call("POST", "/admin/sign_out", {})


@pytest.mark.parametrize("by", ["email", "id", "refresh_token"])
def test_users_are_found_and_deleted_by_any_name(instant: Harness, by: str) -> None:
    user, header = instant.sign_in(ADA)
    value = {"email": ADA, "id": user, "refresh_token": header["as-token"]}[by]
    path = f"/admin/users?{by}={value}"
    assert instant.call("GET", path)["user"]["id"] == user
    assert instant.call("DELETE", path)["deleted"]["email"] == ADA
    assert instant.call("GET", path) == {"user": None}
    assert instant.call("DELETE", path) == {"deleted": None}


def test_deleting_a_user_runs_cascades_and_ends_sessions(instant: Harness) -> None:
    instant.push(
        {
            "entities": {"notes": attrs(n="number"), "bills": attrs(n="number")},
            "links": {
                "n": link("notes.owner one", "$users.notes many", onDelete="cascade"),
                "b": link("bills.payer one", "$users.bills many"),
            },
        }
    )
    user, header = instant.sign_in(ADA)
    bill = new_id()
    instant.transact(
        ["create", "notes", new_id(), {"owner": user}], ["create", "bills", bill, {"payer": user}]
    )
    instant.call("DELETE", f"/admin/users?id={user}")
    assert instant.find("notes") == []
    assert instant.find("bills") == [{"id": bill}]
    assert instant.find("$userRefreshTokens") == []
    with pytest.raises(Refused, match="record-not-found"):
        instant.query({"notes": {}}, headers=header)


def test_users_want_one_of_three_names(instant: Harness) -> None:
    with pytest.raises(Refused, match="validation-failed"):
        instant.call("GET", "/admin/users")
    with pytest.raises(Refused, match="param-malformed"):
        instant.call("GET", "/admin/users?id=7")


def test_an_admin_sees_hashes_and_no_codes_or_tokens(instant: Harness) -> None:
    code = make_code(instant)
    _, header = instant.sign_in(ADA)
    (stored_code,), (stored_token,) = instant.find("$magicCodes"), instant.find("$userRefreshTokens")
    assert code not in str(stored_code)
    assert len(stored_code["codeHash"]) == len(stored_token["hashedToken"]) == 64
    assert header["as-token"] not in str(stored_token)
    assert instant.query({"$magicCodes": {}}, headers=header) == {"$magicCodes": []}
