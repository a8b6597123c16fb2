"""What the live checks find in an Instant app, and that they leave nothing there."""

from __future__ import annotations

import copy
from collections.abc import Iterator
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
from tests.drivers.instant import DOCUMENTS, LoopbackInstant, Work, at, schema_without_guard

pytestmark = pytest.mark.slow

# Of an attribute Instant remembers for ever which types of values it once had; that it may.
TABLES = {"attributes": "id, body, deleted_ms"} | dict.fromkeys(
    ("names", "entities", "unique_values", "indexed_values", "links"), "*"
)


@pytest.fixture
def app(loopback: LoopbackInstant) -> Iterator[LoopbackInstant]:
    """An app with a member, which must be left as it was found."""
    loopback.member()
    before = rows(loopback)
    yield loopback
    assert rows(loopback) == before


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


def test_a_good_app_has_no_fault_and_is_left_as_it_was(app: LoopbackInstant) -> None:
    assert {finding.level for finding in findings(app.admin)} == {checks.INFO}


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
    unpushed.admin.push_schema(schema_without_guard(label))
    unpushed.admin.push_perms(DOCUMENTS.perms)
    found = wrong(unpushed.admin)
    assert {finding.obj for finding in found} == {"Unique keys", "Instant schema"}
    assert texts(found) == {f"creditEntries.{label} is not unique"}
    assert all("instant_push" in (finding.hint or "") for finding in found)


def test_a_guard_that_is_still_being_made_unique_is_not_unique_yet(unpushed: LoopbackInstant) -> None:
    unpushed.admin.push_schema(DOCUMENTS.schema)
    schema = unpushed.admin.schema()
    schema["blobs"]["creditEntries"]["key"]["setting-unique?"] = True
    unpushed.admin.push_perms(DOCUMENTS.perms)
    pending = unpushed.client(at("/admin/schema", lambda work: Response.json({"schema": schema})))
    assert texts(wrong(pending)) == {"creditEntries.key is not unique"}


def test_members_who_may_write_their_own_credits_are_found_out(app: LoopbackInstant) -> None:
    app.admin.push_perms(rules(users={"update": "isSelf"}))
    found = wrong(app.admin)
    assert texts(found) == {
        "the member can change $users.allowances",
        "the member can change $users.credits",
        "the member can change $users.creditSeq",
        "the member can change $users.creditsHeld",
        "the member can change $users.joinedAt",
        "the member can change $users.purchases",
        "the member can change $users.stripeCustomerId",
    }
    assert {finding.obj for finding in found} == {"Instant rules"}
    assert all("instant_push" in (finding.hint or "") for finding in found)


EVERYBODY = ("a guest", "the member", "another member")
OTHERS = ("a guest", "another member")


@pytest.mark.parametrize(
    ("opened", "expected"),
    [
        ({"users": {"view": "true"}}, "can read a member's row of $users"),
        ({"users": {"view": "false"}}, "cannot read their own row of $users"),
        ({"haikus": {"view": "auth.id != null"}}, "can read a member's row of haikus"),
        ({"creditEntries": {"view": "true"}}, "can read a member's row of creditEntries"),
        ({"creditEntries": {"create": "true"}}, "can create a row of creditEntries"),
        ({"creditEntries": {"update": "isOwner"}}, "can change a row of creditEntries"),
        ({"creditEntries": {"delete": "isOwner"}}, "can delete a row of creditEntries"),
        (
            {
                "creditEntries": {"unlink": {"account": "isOwner"}},
                "users": {"unlink": {"creditEntries": "true"}},
            },
            "can unlink a row of creditEntries",
        ),
        ({"haikus": {"create": "auth.id != null"}}, "can create a row of haikus"),
        ({"haikus": {"delete": "true"}}, "can delete a row of haikus"),
        ({"attrs": {"create": "true"}}, "can add an attribute"),
    ],
    ids=str,
)
def test_each_open_rule_is_named(app: LoopbackInstant, opened: dict[str, Any], expected: str) -> None:
    app.admin.push_perms(rules(**opened))
    assert {f"can{text.partition(' can')[2]}" for text in texts(wrong(app.admin))} == {expected}


def test_rules_that_differ_and_open_nothing_are_named_too(app: LoopbackInstant) -> None:
    app.admin.push_perms(rules(haikus={"view": "isAuthor && true"}))
    (found,) = wrong(app.admin)
    assert (found.obj, found.msg) == ("Instant rules", "they are not those of instant/perms.json")
    assert "instant_push" in (found.hint or "")


def open_to_all(app: LoopbackInstant) -> None:
    everything = {"allow": {"$default": "true", "link": {"$default": "true"}, "unlink": {"$default": "true"}}}
    # Instant itself refuses a rule by which members could delete members.
    users = {"allow": {"view": "true", "update": "true", "delete": "false"}}
    attrs = {"allow": {"create": "true"}}
    app.admin.push_perms({"$users": users, "haikus": everything, "creditEntries": everything, "attrs": attrs})


def test_with_all_rules_open_each_attempt_succeeds_so_none_fails_for_another_reason(
    app: LoopbackInstant,
) -> None:
    open_to_all(app)
    found = texts(wrong(app.admin))
    writes = ("create", "change", "link", "unlink")
    assert found == {
        *(f"{who} can read a member's row of {name}" for who in OTHERS for name in ROWS),
        *(f"{who} can change $users.{label}" for who in EVERYBODY for label in LABELS),
        *(f"{who} can {verb} a row of {name}" for who in EVERYBODY for verb in writes for name in ROWS[1:]),
        *(f"{who} can delete a row of creditEntries" for who in EVERYBODY),
        *(f"{who} can delete a row of haikus" for who in OTHERS),
        *(f"{who} can add an attribute" for who in EVERYBODY),
    }


ROWS = ("$users", "haikus", "creditEntries")
LABELS = ("allowances", "credits", "creditSeq", "creditsHeld", "joinedAt", "purchases", "stripeCustomerId")


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


def test_on_a_server_without_permission_checks_the_attempts_are_made_and_undone(app: LoopbackInstant) -> None:
    old_server = app.client(at("/admin/transact_perms_check", lambda work: Response(200)))
    assert wrong(old_server) == []
    open_to_all(app)
    found = texts(wrong(old_server))
    assert {"the member can change $users.credits", "a guest can create a row of creditEntries"} <= found


@pytest.mark.parametrize(
    ("refusal", "is_wrong"),
    [("permission-denied", False), ("permission-evaluation-failed", False), ("validation-failed", True)],
)
def test_a_refusal_that_is_not_the_rules_own_does_not_pass_for_a_closed_rule(
    app: LoopbackInstant, refusal: str, is_wrong: bool
) -> None:
    refused = Response.json({"type": refusal, "message": "no", "hint": None}, status=400)
    found = wrong(app.client(at("/admin/transact_perms_check", lambda work: refused)))
    assert [refusal in finding.msg for finding in found] == ([True] if is_wrong else [])


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
    assert found.hint == "Start Instant, or correct INSTANT_API_URI."


@pytest.mark.parametrize("lost", range(8))
def test_wherever_an_answer_is_lost_nothing_is_left_behind(app: LoopbackInstant, lost: int) -> None:
    writes = 0

    def losing_one(request: Request, work: Work) -> Response:
        nonlocal writes
        answer = work()
        if request.path.startswith(("/admin/refresh_tokens", "/admin/transact", "/admin/users")):
            writes += 1
            if writes == lost + 1:
                raise requests.ConnectionError("reset by peer")
        return answer

    findings(app.client(losing_one))
    assert writes > lost


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
    ("off_s", "level"), [(0, checks.INFO), (59, checks.INFO), (62, checks.WARNING), (242, checks.ERROR)]
)
def test_a_clock_that_is_minutes_off_is_told_before_signatures_fail(off_s: int, level: int) -> None:
    for ahead_s, way in ((off_s, "ahead"), (-off_s, "behind")):
        found = compare_clocks("Clock", NOON - timedelta(seconds=ahead_s), asked=NOON, answered=NOON)
        assert (found.level, bool(found.hint)) == (level, level != checks.INFO)
        assert level == checks.INFO or way in found.msg


def test_a_slow_answer_is_no_wrong_clock() -> None:
    answered = NOON + timedelta(seconds=130)
    assert compare_clocks("Clock", NOON, asked=NOON, answered=answered).level == checks.INFO


def test_a_server_that_says_no_time_is_worth_a_warning() -> None:
    assert compare_clocks("Clock", None, asked=NOON, answered=NOON).level == checks.WARNING
