import re
from typing import Any

import pytest

from tests.sandbox.instant.harness import Harness, attrs, link, new_id, refused

ADA, BEN = "ada@example.com", "ben@example.com"
DAY_S = 24 * 3600


def make_code(instant: Harness, email: str = ADA, route: str = "magic_code") -> str:
    return str(instant.call("POST", f"/admin/{route}", {"email": email})["code"])


def verify(instant: Harness, code: Any, email: str = ADA, /, **more: Any) -> Any:
    return instant.call("POST", "/admin/verify_magic_code", {"email": email, "code": code, **more})


def make_token(instant: Harness, **body: Any) -> Any:
    return instant.call("POST", "/admin/refresh_tokens", body)


def make_guest(instant: Harness) -> Any:
    return instant.call("POST", "/admin/sign_in_guest", {})["user"]


def test_a_code_is_six_digits_from_0_to_8_and_signs_its_owner_in_once(instant: Harness) -> None:
    codes = [make_code(instant) for _ in range(30)]
    assert all(re.fullmatch(r"[0-8]{6}", code) for code in codes)
    with refused("record-not-found"):
        verify(instant, codes[0], BEN)
    answer = verify(instant, codes[0], " ADA@Example.com ")
    user = answer["user"]
    assert (answer["created"], user["email"], user["type"], user["isGuest"]) == (True, ADA, "user", False)
    assert user["app_id"] == instant.app.id
    for code in (codes[0], "999999"):
        with refused("record-not-found", {"record-type": "app-user-magic-code"}):
            verify(instant, code)
    assert verify(instant, codes[1])["created"] is False


def test_only_a_sent_code_is_mailed(instant: Harness) -> None:
    make_code(instant)
    assert instant.mails == [(ADA, make_code(instant, route="send_magic_code"))]


def test_a_code_expires_after_a_day_and_says_so_each_time(instant: Harness) -> None:
    code = make_code(instant)
    instant.now += DAY_S + 1
    for _ in range(2):
        with refused("record-expired"):
            verify(instant, code)


def test_twenty_tries_an_hour_then_429(instant: Harness) -> None:
    for _ in range(20):
        with refused("record-not-found"):
            verify(instant, "999999")
    code = make_code(instant)
    with refused("rate-limited", status=429):
        verify(instant, code)
    instant.now += 3600
    assert verify(instant, code)["created"] is True


def test_twenty_mails_an_hour_and_making_codes_without_mail_is_not_counted(instant: Harness) -> None:
    for _ in range(25):
        make_code(instant)
    for _ in range(20):
        make_code(instant, route="send_magic_code")
    with refused("rate-limited", status=429):
        make_code(instant, route="send_magic_code")


@pytest.mark.parametrize(
    ("body", "kind", "field"),
    [
        ({}, "param-missing", "email"),
        ({"email": "nobody"}, "param-malformed", "email"),
        ({"email": 7}, "param-malformed", "email"),
        ({"email": ADA, "code": 123456}, "param-malformed", "code"),
        ({"email": ADA}, "param-missing", "code"),
    ],
)
def test_a_body_that_lacks_something_is_refused(instant: Harness, body: Any, kind: str, field: str) -> None:
    with refused(kind, {"in": ["body", field]}):
        instant.call("POST", "/admin/verify_magic_code", body)


@pytest.mark.parametrize("route", ["magic_code", "refresh_tokens"])
@pytest.mark.parametrize(
    "email", ["user@bücher.example", "jörg@example.com", "ada@localhost", "a b@example.com"]
)
def test_an_address_is_ascii_and_its_host_has_a_dot(instant: Harness, email: str, route: str) -> None:
    with refused("param-malformed"):
        instant.call("POST", f"/admin/{route}", {"email": email})


def test_an_address_is_stored_in_lower_case(instant: Harness) -> None:
    # The Kelvin sign is one of the letters that become ASCII then.
    made = make_token(instant, email=" \u212aim@xn--bcher-kva.Example ")
    assert made["user"]["email"] == "kim@xn--bcher-kva.example"


def test_extra_fields_are_for_new_users_and_custom_attributes_only(instant: Harness) -> None:
    instant.push({"entities": {"$users": attrs(nick="string")}})
    for extra in ({"nick": "Countess"}, {"nonsense": 1}):
        user = verify(instant, make_code(instant), **{"extra-fields": extra})["user"]
        assert user["nick"] == "Countess"
    for extra in ({"nonsense": 1}, {"type": "admin"}):
        code = make_code(instant, BEN)
        with refused("validation-failed", {"data-type": "extra-fields"}):
            verify(instant, code, BEN, **{"extra-fields": extra})
        verify(instant, code, BEN)
        instant.call("DELETE", f"/admin/users?email={BEN}")


def test_a_guest_who_signs_in_keeps_their_id_or_is_linked_to_who_they_are(instant: Harness) -> None:
    guest = make_guest(instant)
    assert (guest["type"], guest["isGuest"]) == ("guest", True)
    assert instant.find("$users") == [{"id": guest["id"], "type": "guest"}]
    user = verify(instant, make_code(instant), **{"refresh-token": guest["refresh_token"]})["user"]
    assert (user["id"], user["type"], user["email"]) == (guest["id"], "user", ADA)
    second = make_guest(instant)
    again = verify(instant, make_code(instant), **{"refresh-token": second["refresh_token"]})["user"]
    assert again["id"] == user["id"]
    assert instant.find("$users", {"id": second["id"]})[0]["linkedPrimaryUser"] == user["id"]


def test_a_token_is_made_for_an_email_or_an_id_and_the_user_with_it(instant: Harness) -> None:
    first = make_token(instant, email=ADA)
    second = make_token(instant, id=first["user"]["id"])
    assert (first["created"], second["created"]) == (True, False)
    assert first["user"]["refresh_token"] != second["user"]["refresh_token"]
    assert "type" not in first["user"]
    chosen = new_id()
    assert make_token(instant, email=BEN, id=chosen)["user"]["id"] == chosen
    with refused("validation-failed"):
        make_token(instant)


def test_a_token_is_verified_without_any_header(instant: Harness) -> None:
    user, header = instant.sign_in(ADA)

    def whose(token: str) -> Any:
        body = {"app-id": instant.app.id, "refresh-token": token}
        nothing = {"app-id": "", "authorization": ""}
        return instant.call("POST", "/runtime/auth/verify_refresh_token", body, nothing)["user"]["id"]

    assert whose(header["as-token"]) == user
    with refused("record-not-found"):
        whose(new_id())


@pytest.mark.parametrize(("by", "ended"), [("email", 2), ("id", 2), ("refresh_token", 1)])
def test_sign_out_ends_one_session_or_all(instant: Harness, by: str, ended: int) -> None:
    user, first = instant.sign_in(ADA)
    _, second = instant.sign_in(ADA)
    body = {"email": ADA, "id": user, "refresh_token": first["as-token"]}
    assert instant.call("POST", "/admin/sign_out", {by: body[by]}) == {"ok": True}
    sessions = [first, second]
    for session in sessions[:ended]:
        with refused("record-not-found"):
            instant.query({"$users": {}}, headers=session)
    for session in sessions[ended:]:
        assert len(instant.query({"$users": {}}, headers=session)["$users"]) == 1


def test_sign_out_of_the_unknown(instant: Harness) -> None:
    for body in ({"id": new_id()}, {"refresh_token": new_id()}):
        assert instant.call("POST", "/admin/sign_out", body) == {"ok": True}
    with refused("record-not-found"):
        instant.call("POST", "/admin/sign_out", {"email": "nobody@example.com"})
    with refused("validation-failed"):
        instant.call("POST", "/admin/sign_out", {})


@pytest.mark.parametrize("by", ["email", "id", "refresh_token"])
def test_users_are_found_and_deleted_by_any_name(instant: Harness, by: str) -> None:
    user, header = instant.sign_in(ADA)
    names = {"email": ADA, "id": user, "refresh_token": header["as-token"]}
    path = f"/admin/users?{by}={names[by]}"
    assert instant.call("GET", path)["user"]["id"] == user
    assert instant.call("DELETE", path)["deleted"]["email"] == ADA
    assert instant.call("GET", path) == {"user": None}
    assert instant.call("DELETE", path) == {"deleted": None}


@pytest.mark.parametrize(("query", "kind"), [("", "validation-failed"), ("?id=7", "param-malformed")])
def test_users_want_one_of_three_names(instant: Harness, query: str, kind: str) -> None:
    with refused(kind):
        instant.call("GET", f"/admin/users{query}")


def test_deleting_a_user_runs_cascades_and_ends_sessions(instant: Harness) -> None:
    links = {
        "n": link("notes.owner one", "$users.notes many", onDelete="cascade"),
        "b": link("bills.payer one", "$users.bills many"),
    }
    instant.push({"entities": {"notes": attrs(n="number"), "bills": attrs(n="number")}, "links": links})
    user, header = instant.sign_in(ADA)
    instant.create("notes", owner=user)
    bill = instant.create("bills", payer=user)
    instant.call("DELETE", f"/admin/users?id={user}")
    assert instant.find("notes") == []
    assert instant.find("bills") == [{"id": bill}]
    assert instant.find("$userRefreshTokens") == []
    with refused("record-not-found"):
        instant.query({"notes": {}}, headers=header)


def test_an_admin_sees_hashes_and_no_codes_or_tokens(instant: Harness) -> None:
    code = make_code(instant)
    _, header = instant.sign_in(ADA)
    (stored_code,), (stored_token,) = instant.find("$magicCodes"), instant.find("$userRefreshTokens")
    assert code not in str(stored_code)
    assert header["as-token"] not in str(stored_token)
    assert len(stored_code["codeHash"]) == len(stored_token["hashedToken"]) == 64
    assert instant.query({"$magicCodes": {}}, headers=header) == {"$magicCodes": []}
