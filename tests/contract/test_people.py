"""Signing in and out, through each client."""

from uuid import uuid4

import pytest

from tests.contract.clients import ContractClient, Refused


@pytest.fixture
def email() -> str:
    return f"ada-{uuid4().hex}@example.com"


def test_a_code_signs_in_once_and_makes_the_user(db: ContractClient, email: str) -> None:
    code = db.magic_code(email)
    assert len(code) == 6
    assert code.isdigit()
    first = db.sign_in(email, code)
    assert first.created
    assert db.whose(first.token) == first.user_id == db.user_id(email)
    with pytest.raises(Refused) as refused:
        db.sign_in(email, code)
    assert (refused.value.status, refused.value.kind) == (400, "record-not-found")
    again = db.sign_in(email.upper(), db.magic_code(email))
    assert (again.user_id, again.created) == (first.user_id, False)
    assert again.token != first.token


def test_a_wrong_code_and_a_code_for_someone_else_are_refused(db: ContractClient, email: str) -> None:
    code = db.magic_code(email)
    for wrong in ((email, "999999"), (f"ben-{email}", code)):
        with pytest.raises(Refused, match="record-not-found"):
            db.sign_in(*wrong)


def test_codes_are_tried_twenty_times_an_hour(db: ContractClient, email: str) -> None:
    for _ in range(20):
        with pytest.raises(Refused, match="record-not-found"):
            db.sign_in(email, "999999")
    with pytest.raises(Refused) as refused:
        db.sign_in(email, db.magic_code(email))
    assert (refused.value.status, refused.value.kind) == (429, "rate-limited")


def test_no_address_is_no_address(db: ContractClient) -> None:
    with pytest.raises(Refused) as refused:
        db.magic_code("nobody")
    assert (refused.value.status, refused.value.kind) == (400, "param-malformed")


def test_signing_out_ends_one_token(db: ContractClient, email: str) -> None:
    one, two = db.create_token(email), db.create_token(email)
    db.sign_out(one)
    with pytest.raises(Refused, match="record-not-found"):
        db.whose(one)
    with pytest.raises(Refused, match="record-not-found"):
        db.query({"notes": {}}, {"token": one})
    assert db.whose(two) == db.user_id(email)


def test_users_are_found_and_deleted_with_their_tokens(db: ContractClient, email: str) -> None:
    assert db.user_id(email) is None
    assert db.delete_user(email) is None
    token = db.create_token(email)
    user_id = db.user_id(email)
    assert db.delete_user(email) == user_id is not None
    assert db.user_id(email) is None
    with pytest.raises(Refused, match="record-not-found"):
        db.whose(token)


def test_a_room_is_empty(db: ContractClient) -> None:
    assert db.people_in("one") == 0
