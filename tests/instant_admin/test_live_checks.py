"""What the live checks find in an Instant app, and that they leave nothing there."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import requests
import responses
from django.core import checks
from django.core.checks import CheckMessage

from instant_admin import configured
from instant_admin.client.admin import InstantAdmin
from instant_admin.client.schema import Documents
from instant_admin.ledger.store import BalanceStore
from instant_admin.live_checks import check_instant, compare_clocks
from instant_admin.rules_probe import find_open_rules
from sandbox.serving import Request, Response
from tests.drivers.instant import DOCUMENTS, LoopbackInstant

Work = Callable[[], Response]
# Of an attribute Instant remembers for ever which types of values it once had; that it may.
TABLES = {"attributes": "id, body, deleted_ms"} | dict.fromkeys(
    ("names", "entities", "unique_values", "indexed_values", "links"), "*"
)


@pytest.fixture
def loopback() -> Iterator[LoopbackInstant]:
    loopback = LoopbackInstant()
    yield loopback
    loopback.standin.close()


@pytest.fixture
def unpushed() -> Iterator[LoopbackInstant]:
    loopback = LoopbackInstant(documents=False)
    yield loopback
    loopback.standin.close()


def findings(instant: InstantAdmin) -> list[CheckMessage]:
    """What is found, but for the clock: the loopback sends no Date header."""
    with configured.using(instant, BalanceStore(instant)):
        return [message for message in check_instant(None) if message.obj != "Instant's clock"]


def wrong(instant: InstantAdmin) -> list[CheckMessage]:
    return [message for message in findings(instant) if message.level == checks.ERROR]


def texts(messages: list[CheckMessage]) -> set[str]:
    return {message.msg for message in messages}


def rows(loopback: LoopbackInstant) -> dict[str, list[Any]]:
    """Everything that is stored, but for the counter of transactions."""
    with loopback.standin.storage.reading() as connection:
        return {
            table: [tuple(row) for row in connection.execute(f"SELECT {columns} FROM {table}")]  # noqa: S608
            for table, columns in TABLES.items()
        }


def rules(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(dict(DOCUMENTS.perms))
    for namespace, allow in changes.items():
        document[namespace.replace("users", "$users")]["allow"] |= allow
    return document


def with_attribute(label: str, **config: bool) -> Documents:
    schema: dict[str, Any] = copy.deepcopy(dict(DOCUMENTS.schema))
    schema["entities"]["creditEntries"]["attrs"][label]["config"] |= config
    return Documents(schema=schema, perms=DOCUMENTS.perms)


def test_a_good_app_has_no_fault_and_is_left_as_it_was(loopback: LoopbackInstant) -> None:
    loopback.member()
    before = rows(loopback)
    assert {finding.level for finding in findings(loopback.admin)} == {checks.INFO}
    assert rows(loopback) == before


def test_a_wrong_token_is_named_once_with_its_hint(loopback: LoopbackInstant) -> None:
    loopback.app = replace(loopback.app, admin_token=str(uuid4()))
    (found,) = wrong(loopback.client())
    assert found.obj == "Instant token"
    assert "INSTANT_APP_ADMIN_TOKEN" in (found.hint or "")
    assert loopback.app.admin_token not in found.msg


def test_a_schema_that_was_never_pushed_is_named_with_its_hint(unpushed: LoopbackInstant) -> None:
    before = rows(unpushed)
    found = wrong(unpushed.admin)
    assert {finding.obj for finding in found} >= {"Unique keys", "Instant schema"}
    assert all("instant_push" in (finding.hint or "") for finding in found)
    assert {finding.msg for finding in found if finding.obj == "Unique keys"} == {
        "creditEntries.key is missing",
        "creditEntries.slot is missing",
    }
    assert rows(unpushed)["entities"] == before["entities"]


@pytest.mark.parametrize("label", ["key", "slot"])
def test_a_guard_that_is_not_unique_is_named_with_its_hint(unpushed: LoopbackInstant, label: str) -> None:
    documents = with_attribute(label, unique=False)
    unpushed.admin.push_schema(documents.schema)
    unpushed.admin.push_perms(documents.perms)
    found = wrong(unpushed.admin)
    assert {finding.obj for finding in found} == {"Unique keys", "Instant schema"}
    assert texts(found) == {f"creditEntries.{label} is not unique"}
    assert all("instant_push" in (finding.hint or "") for finding in found)


def test_a_guard_that_is_still_being_made_unique_is_not_unique_yet(unpushed: LoopbackInstant) -> None:
    unpushed.admin.push_schema(DOCUMENTS.schema)
    schema = unpushed.admin.schema()
    schema["blobs"]["creditEntries"]["key"]["setting-unique?"] = True

    def pending(request: Request, work: Work) -> Response:
        answer = work()
        return Response.json({"schema": schema}) if request.path == "/admin/schema" else answer

    unpushed.admin.push_perms(DOCUMENTS.perms)
    assert texts(wrong(unpushed.client(pending))) == {"creditEntries.key is not unique"}


def test_members_who_may_write_their_own_credits_are_found_out(loopback: LoopbackInstant) -> None:
    before = rows(loopback)
    loopback.admin.push_perms(rules(users={"update": "isSelf"}))
    found = wrong(loopback.admin)
    assert texts(found) == {
        "the member can change $users.credits",
        "the member can change $users.creditSeq",
        "the member can change $users.stripeCustomerId",
    }
    assert {finding.obj for finding in found} == {"Instant rules"}
    assert all("instant_push" in (finding.hint or "") for finding in found)
    assert rows(loopback) == before


EVERYBODY = ("a guest", "the member", "another member")
OTHERS = ("a guest", "another member")


@pytest.mark.parametrize(
    ("opened", "expected"),
    [
        ({"users": {"view": "true"}}, ["can read a member's row of $users"]),
        ({"users": {"view": "false"}}, ["cannot read their own row of $users"]),
        ({"haikus": {"view": "auth.id != null"}}, ["can read a member's row of haikus"]),
        ({"creditEntries": {"view": "true"}}, ["can read a member's row of creditEntries"]),
        ({"creditEntries": {"create": "true"}}, ["can create a row of creditEntries"]),
        ({"creditEntries": {"update": "isOwner"}}, ["can change a row of creditEntries"]),
        ({"creditEntries": {"delete": "isOwner"}}, ["can delete a row of creditEntries"]),
        (
            {
                "creditEntries": {"unlink": {"account": "isOwner"}},
                "users": {"unlink": {"creditEntries": "true"}},
            },
            ["can unlink a row of creditEntries"],
        ),
        ({"haikus": {"create": "auth.id != null"}}, ["can create a row of haikus"]),
        ({"haikus": {"delete": "true"}}, ["can delete a row of haikus"]),
        ({"attrs": {"create": "true"}}, ["can add an attribute"]),
    ],
    ids=str,
)
def test_each_open_rule_is_named(
    loopback: LoopbackInstant, opened: dict[str, Any], expected: list[str]
) -> None:
    before = rows(loopback)
    loopback.admin.push_perms(rules(**opened))
    found = texts(wrong(loopback.admin))
    assert found
    assert {text.partition(" can")[2] for text in found} == {each.partition("can")[2] for each in expected}
    assert rows(loopback) == before


def open_to_all(loopback: LoopbackInstant) -> None:
    everything = {"allow": {"$default": "true", "link": {"$default": "true"}, "unlink": {"$default": "true"}}}
    # Instant itself refuses a rule by which members could delete members.
    users = {"allow": {"view": "true", "update": "true", "delete": "false"}}
    attrs = {"allow": {"create": "true"}}
    loopback.admin.push_perms(
        {"$users": users, "haikus": everything, "creditEntries": everything, "attrs": attrs}
    )


def test_with_all_rules_open_each_attempt_succeeds_so_none_fails_for_another_reason(
    loopback: LoopbackInstant,
) -> None:
    before = rows(loopback)
    open_to_all(loopback)
    found = texts(wrong(loopback.admin))
    writes = ("create", "change", "link", "unlink")
    assert found == {
        *(f"{who} can read a member's row of {name}" for who in OTHERS for name in ROWS),
        *(f"{who} can change $users.{label}" for who in EVERYBODY for label in LABELS),
        *(f"{who} can {verb} a row of {name}" for who in EVERYBODY for verb in writes for name in ROWS[1:]),
        *(f"{who} can delete a row of creditEntries" for who in EVERYBODY),
        *(f"{who} can delete a row of haikus" for who in OTHERS),
        *(f"{who} can add an attribute" for who in EVERYBODY),
    }
    assert rows(loopback) == before


ROWS = ("$users", "haikus", "creditEntries")
LABELS = ("credits", "creditSeq", "stripeCustomerId")


def test_what_is_tried_follows_from_the_schema(unpushed: LoopbackInstant) -> None:
    schema: dict[str, Any] = copy.deepcopy(dict(DOCUMENTS.schema))
    plain = {"required": True, "config": {"unique": False, "indexed": False}}
    types = ("string", "number", "boolean", "date", "json")
    schema["entities"]["$users"]["attrs"]["tier"] = plain | {"valueType": "string", "required": False}
    schema["entities"]["maps"] = {"attrs": {f"a_{name}": plain | {"valueType": name} for name in types}}
    perms = rules(users={"update": "isSelf"}) | {"maps": {"allow": {"$default": "true"}}}
    unpushed.admin.push_schema(schema)
    unpushed.admin.push_perms(perms)
    before = rows(unpushed)
    documents = Documents(schema=schema, perms=perms)
    found = set(find_open_rules(unpushed.admin, documents, now=datetime.now(UTC), new_id=uuid4))
    assert "the member can change $users.tier" in found
    assert {text for text in found if "maps" in text} == {
        *(f"{who} can {verb} a row of maps" for who in EVERYBODY for verb in ("create", "change")),
        *(f"{who} can {verb} row of maps" for who in OTHERS for verb in ("delete a", "read a member's")),
    }
    assert rows(unpushed) == before


def no_permission_check(request: Request, work: Work) -> Response:
    """A server of before there was one."""
    if request.path == "/admin/transact_perms_check":
        return Response(200)
    return work()


def test_on_a_server_without_permission_checks_the_attempts_are_made_and_undone(
    loopback: LoopbackInstant,
) -> None:
    before = rows(loopback)
    old_server = loopback.client(no_permission_check)
    assert wrong(old_server) == []
    open_to_all(loopback)
    found = texts(wrong(old_server))
    assert {"the member can change $users.credits", "a guest can create a row of creditEntries"} <= found
    assert rows(loopback) == before


@pytest.mark.parametrize(
    ("refusal", "is_wrong"),
    [("permission-denied", False), ("permission-evaluation-failed", False), ("validation-failed", True)],
)
def test_a_refusal_that_is_not_the_rules_own_does_not_pass_for_a_closed_rule(
    loopback: LoopbackInstant, refusal: str, is_wrong: bool
) -> None:
    before = rows(loopback)

    def refusing(request: Request, work: Work) -> Response:
        if request.path == "/admin/transact_perms_check":
            return Response.json({"type": refusal, "message": "no", "hint": None}, status=400)
        return work()

    found = wrong(loopback.client(refusing))
    assert [refusal in finding.msg for finding in found] == ([True] if is_wrong else [])
    assert rows(loopback) == before


def test_an_app_that_is_read_only_is_named_with_its_hint(loopback: LoopbackInstant) -> None:
    loopback.standin.apps.set_status(loopback.app.id, "read-only")
    (found,) = wrong(loopback.admin)
    assert found.obj == "Instant writes"
    assert "dashboard" in (found.hint or "")


def test_while_instant_is_down_nothing_else_is_asked(loopback: LoopbackInstant) -> None:
    def down(request: Request, work: Work) -> Response:
        raise requests.ConnectionError("refused")

    (found,) = findings(loopback.client(down))
    assert (found.obj, found.level) == ("Instant", checks.ERROR)
    assert "INSTANT_API_URI" in (found.hint or "")


@pytest.mark.parametrize("lost", range(8))
def test_wherever_an_answer_is_lost_nothing_is_left_behind(loopback: LoopbackInstant, lost: int) -> None:
    before = rows(loopback)
    writes = 0

    def losing_one(request: Request, work: Work) -> Response:
        nonlocal writes
        answer = work()
        if request.path.startswith(("/admin/refresh_tokens", "/admin/transact", "/admin/users")):
            writes += 1
            if writes == lost + 1:
                raise requests.ConnectionError("reset by peer")
        return answer

    findings(loopback.client(losing_one))
    assert writes > lost
    assert rows(loopback) == before


def test_what_could_not_be_deleted_again_is_named(loopback: LoopbackInstant) -> None:
    def keeping(request: Request, work: Work) -> Response:
        if request.method == "DELETE":
            raise requests.ConnectionError("refused")
        return work()

    (found,) = wrong(loopback.client(keeping))
    assert found.obj == "Instant rules"
    left = [user["email"] for user in loopback.admin.query({"$users": {}})["$users"]]
    assert len(left) == 2
    assert all(email.partition("@")[2] in (found.hint or "") for email in left)


def test_the_clock_of_instant_is_the_one_in_its_answer() -> None:
    instant = InstantAdmin(api_uri="http://instant.test", app_id=str(uuid4()), admin_token=str(uuid4()))
    with responses.RequestsMock() as wire:
        for header in ({"Date": "Wed, 01 Jul 2026 12:00:00 GMT"}, {"Date": "soon"}, {}):
            wire.get("http://instant.test/health/system", json={"wal": "ok"}, headers=header)
        assert instant.check_health() == datetime(2026, 7, 1, 12, tzinfo=UTC)
        assert instant.check_health() is None
        assert instant.check_health() is None


NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ahead_s", "level"),
    [
        (0, checks.INFO),
        (59, checks.INFO),
        (-59, checks.INFO),
        (62, checks.WARNING),
        (-62, checks.WARNING),
        (242, checks.ERROR),
        (-242, checks.ERROR),
    ],
)
def test_a_clock_that_is_minutes_off_is_told_before_signatures_fail(ahead_s: int, level: int) -> None:
    found = compare_clocks("Clock", NOON - timedelta(seconds=ahead_s), asked=NOON, answered=NOON)
    assert (found.level, bool(found.hint)) == (level, level != checks.INFO)
    if level != checks.INFO:
        assert ("ahead" if ahead_s > 0 else "behind") in found.msg


def test_a_slow_answer_is_no_wrong_clock() -> None:
    answered = NOON + timedelta(seconds=130)
    assert compare_clocks("Clock", NOON, asked=NOON, answered=answered).level == checks.INFO


def test_a_server_that_says_no_time_is_worth_a_warning() -> None:
    assert compare_clocks("Clock", None, asked=NOON, answered=NOON).level == checks.WARNING
