"""The rule engine: which rule is asked, about what, and what its answer means."""

from typing import Any

import pytest

from tests.sandbox.instant.harness import GUEST, Harness, attrs, link, new_id, refused


@pytest.fixture
def notes(instant: Harness) -> Harness:
    """Notes with an owner, and teams with members."""
    instant.push(
        {
            "entities": {
                "notes": attrs(text="string", n="number", secret="string", public="boolean", meta="any"),
                "teams": attrs(name="string"),
            },
            "links": {
                "owner": link("notes.owner one", "$users.notes many"),
                "team": link("notes.team one", "teams.notes many"),
                "members": link("teams.members many", "$users.teams many"),
            },
        }
    )
    return instant


def rule(notes: Harness, action: str, text: Any, **rest: Any) -> None:
    notes.push_rules({"notes": {"allow": {action: text}, **rest}})


def as_guest(notes: Harness, namespaces: dict[str, Any]) -> list[Any]:
    found: list[Any] = notes.query(namespaces, headers=GUEST)["notes"]
    return found


def may_create(notes: Harness, values: Any) -> bool:
    return notes.permits(["create", "notes", new_id(), values], headers=GUEST)


@pytest.mark.parametrize(
    ("text", "values", "passes"),
    [
        (True, {}, True),
        (False, {}, False),
        ("true", {}, True),
        ("null", {}, False),
        ("'false'", {}, True),  # anything but false and null passes
        ("0", {}, True),
        ("data.n > 3", {"n": 4}, True),
        ("newData.n > 3", {"n": 3}, False),
        ("data.n == 4.0", {"n": 4}, True),
        ("data.text == null", {}, True),
        ("data.nothing == null", {}, True),
        ("data['nothing'] == null", {}, True),
        ("has(data.nothing)", {}, True),
        ("data.meta.deep == null", {"meta": {"other": 1}}, True),
        ("data.meta.deep == 1", {"meta": {"deep": 1}}, True),
        ("auth.id == null", {}, True),
        ("auth.email == null && auth.credits == null", {}, True),
        ("data.text.startsWith('a') && size(data.text) == 2", {"text": "ab"}, True),
        ("data.text.trim().upperAscii() == 'AB'", {"text": " ab "}, True),
        ("math.greatest(data.n, 3) == 5", {"n": 5}, True),
        ("cel.bind(x, data.n + 1, x == 3)", {"n": 2}, True),
        ("[1, 2].exists(x, x == data.n)", {"n": 2}, True),
        ("request.modifiedFields.all(f, f in ['text', 'n'])", {"text": "x", "n": 1}, True),
        ("request.modifiedFields.all(f, f in ['text'])", {"text": "x", "n": 1}, False),
        ("'id' in request.modifiedFields", {"text": "x"}, False),
        ("request.time < timestamp('2030-01-01')", {}, True),
        ("request.time.getTime() == 1800000000", {}, True),
        ("timestamp(data.n) == timestamp('1970-01-01T00:00:01Z')", {"n": 1000}, True),
        ("data.public ? data.n == 1 : false // why not", {"public": True, "n": 1}, True),
    ],
)
def test_what_a_rule_can_say(notes: Harness, text: Any, values: Any, passes: bool) -> None:
    rule(notes, "create", text)
    assert may_create(notes, values) is passes


@pytest.mark.parametrize("text", ["data.n > 'a'", "data.text.startsWith('a')", "data.meta.x.y == 1"])
def test_a_rule_that_throws_is_neither_yes_nor_no(notes: Harness, text: str) -> None:
    rule(notes, "create", text)
    with refused("permission-evaluation-failed", {"rule": ["notes", "create"]}):
        may_create(notes, {"n": 1, "meta": {}})


@pytest.mark.parametrize(
    ("rules", "passes"),
    [
        ({}, True),
        ({"notes": {"allow": {"create": "false"}}}, False),
        ({"notes": {"allow": {"$default": "false"}}}, False),
        ({"notes": {"allow": {"$default": "false", "create": "true"}}}, True),
        ({"$default": {"allow": {"create": "false"}}}, False),
        ({"$default": {"allow": {"$default": "false"}}}, False),
        ({"$default": {"allow": {"create": "false"}}, "notes": {"allow": {"$default": "true"}}}, True),
        ({"$default": {"allow": {"$default": "false", "create": "true"}}}, True),
        ({"notes": {"create": "false"}}, True),  # outside `allow` it is ignored
    ],
)
def test_the_first_rule_that_is_found_decides(notes: Harness, rules: Any, passes: bool) -> None:
    notes.push_rules(rules)
    assert may_create(notes, {"text": "x"}) is passes


@pytest.mark.parametrize(
    "bind",
    [{"isLong": "size(data.text) > min", "min": "3"}, ["isLong", "size(data.text) > min", "min", "3"]],
)
def test_binds_stand_for_their_expressions(notes: Harness, bind: Any) -> None:
    rule(notes, "create", "isLong", bind=bind)
    assert may_create(notes, {"text": "long"})
    assert not may_create(notes, {"text": "abc"})


def test_binds_of_the_default_block_are_shared_and_circles_refused(notes: Harness) -> None:
    notes.push_rules({"$default": {"bind": {"yes": "true"}}, "notes": {"allow": {"create": "yes"}}})
    assert may_create(notes, {})
    with refused("validation-failed", said="circle"):
        rule(notes, "create", "a", bind={"a": "b", "b": "a"})


@pytest.mark.parametrize(
    "block",
    [
        {"allow": {"view": "data.("}},
        {"allow": {"update": "dta.n == 1"}},
        {"allow": {"view": "newData.n == 1"}},  # only the rules of writes have it
        {"fields": {"text": "lol"}},
        {"fields": {"id": "true"}},
        {"allow": {"view": 7}},
        {"bind": ["odd"]},
        {"bind": ["a", "true", "a", "false"]},
    ],
)
def test_a_push_refuses_what_it_compiles_and_finds_wanting(notes: Harness, block: Any) -> None:
    with refused("validation-failed", {"data-type": "rule"}):
        notes.push_rules({"notes": block})
    assert notes.call("GET", f"/superadmin/apps/{notes.app.id}/perms") == {"perms": None}


@pytest.mark.parametrize(
    "rules",
    [
        {"notes": {"allow": {"$default": "data.("}}},
        {"notes": {"allow": {"link": {"owner": "nonsense("}}}},
        {"no such namespace": {"allow": {"view": "true"}}},
    ],
)
def test_a_push_takes_what_it_does_not_compile(notes: Harness, rules: Any) -> None:
    notes.push_rules(rules)
    assert notes.call("GET", f"/superadmin/apps/{notes.app.id}/perms") == {"perms": rules}


@pytest.mark.parametrize(("etype", "action"), [("$magicCodes", "view"), ("$users", "delete")])
def test_no_rule_opens_a_system_namespace_or_deletes_users(notes: Harness, etype: str, action: str) -> None:
    with refused("validation-failed"):
        notes.push_rules({etype: {"allow": {action: "true"}}})


def test_an_update_sees_the_old_row_and_the_new_one(notes: Harness) -> None:
    rule(notes, "update", "data.n == 1 && newData.n == 2 && newData.text == data.text")
    note = notes.create("notes", n=1, text="same")
    notes.transact(["update", "notes", note, {"n": 2}], headers=GUEST)
    with refused("permission-denied"):
        notes.transact(["update", "notes", note, {"n": 3}], headers=GUEST)


def test_a_merge_is_judged_by_what_it_leaves(notes: Harness) -> None:
    rule(notes, "update", "newData.meta.a == 1 && newData.meta.b == 2 && newData.meta.c == null")
    note = notes.create("notes", meta={"a": 1, "c": 3})
    notes.transact(["merge", "notes", note, {"meta": {"b": 2, "c": None}}], headers=GUEST)
    assert notes.find("notes")[0]["meta"] == {"a": 1, "b": 2}


def test_delete_asks_its_own_rule_and_a_cascade_asks_again(notes: Harness) -> None:
    cascade = link("lines.note one", "notes.lines many", onDelete="cascade")
    notes.push({"entities": {"lines": attrs(n="number")}, "links": {"l": cascade}})
    notes.push_rules({name: {"allow": {"delete": "data.n == 1"}} for name in ("notes", "lines")})
    note = notes.create("notes", n=1)
    line = notes.create("lines", n=2, note=note)
    with refused("permission-denied"):
        notes.transact(["delete", "notes", note], headers=GUEST)
    notes.transact(["update", "lines", line, {"n": 1}])
    notes.transact(["delete", "notes", note], headers=GUEST)
    assert notes.find("lines") == []


def test_rule_params_come_with_the_query_or_as_a_step(notes: Harness) -> None:
    rule(notes, "$default", "ruleParams.secret == data.secret")
    note = notes.create("notes", secret="s", n=1)
    assert as_guest(notes, {"notes": {}, "$$ruleParams": {"secret": "s"}})[0]["n"] == 1
    assert as_guest(notes, {"notes": {}}) == []
    params, step = ["ruleParams", "notes", note, {"secret": "s"}], ["update", "notes", note, {"n": 2}]
    notes.transact(params, step, headers=GUEST)
    with refused("permission-denied"):
        notes.transact(step, headers=GUEST)


@pytest.fixture
def as_ada(notes: Harness) -> dict[str, str]:
    """The header of Ada, who owns a note of the red team, of which she is the only member."""
    ada, as_ada = notes.sign_in("ada@example.com")
    notes.create("notes", team=notes.create("teams", name="red", members=ada), owner=ada)
    return as_ada


@pytest.mark.parametrize(
    "text",
    [
        "auth.id in data.ref('team.members.id')",
        "'red' in auth.ref('$user.teams.name')",
        "auth.email in data.ref('owner.email')",
        "auth.id in data.ref('owner.id')",
        "auth.id == data.owner",
    ],
)
def test_refs_follow_links_from_row_and_user(notes: Harness, as_ada: dict[str, str], text: str) -> None:
    _, as_ben = notes.sign_in("ben@example.com")
    rule(notes, "view", text)
    assert [len(notes.query({"notes": {}}, headers=each)["notes"]) for each in (as_ada, as_ben)] == [1, 0]


@pytest.mark.parametrize("path", ["team", "team.members", "owner.teams"])
def test_a_ref_that_ends_in_a_link_is_refused(notes: Harness, as_ada: dict[str, str], path: str) -> None:
    rule(notes, "view", f"auth.id in data.ref('{path}')")
    with refused("validation-failed", {"data-type": "query"}) as caught:
        notes.query({"notes": {}}, headers=as_ada)
    assert caught.value.hint["errors"][0]["expected"] == "uuid?"


@pytest.mark.parametrize("path", ["owner.shoes.size", "owner.shoes"])
def test_a_ref_that_leads_nowhere_names_the_attribute_that_is_not_there(notes: Harness, path: str) -> None:
    notes.create("notes", n=1)
    rule(notes, "view", f"data.ref('{path}') == []")
    with refused("record-not-found") as caught:
        as_guest(notes, {"notes": {}})
    assert caught.value.hint == {"args": ["$users", "shoes"], "record-type": "attr"}


def test_rules_on_fields_hide_them_and_what_they_would_tell_as_a_filter(notes: Harness) -> None:
    notes.create("notes", secret="s", n=1)
    notes.push_rules({"notes": {"fields": {"secret": "false"}}})
    assert "secret" not in as_guest(notes, {"notes": {}})[0]
    assert as_guest(notes, {"notes": {"$": {"where": {"secret": "s"}}}}) == []
    assert notes.find("notes", {"secret": "s"})[0]["secret"] == "s"


def test_a_filter_through_a_row_that_may_not_be_seen_finds_nothing(notes: Harness) -> None:
    ada, _ = notes.sign_in("ada@example.com")
    notes.create("notes", owner=ada)
    where = {"notes": {"$": {"where": {"owner.email": {"$like": "ada%"}}}}}
    assert as_guest(notes, where) == []
    notes.push_rules({"$users": {"allow": {"view": "true"}}})
    assert len(as_guest(notes, where)) == 1


def test_rules_are_asked_after_the_limit(notes: Harness) -> None:
    for n in range(4):
        notes.now += 1
        notes.create("notes", n=n)
    rule(notes, "view", "data.n != 1")
    assert [note["n"] for note in as_guest(notes, {"notes": {"$": {"limit": 3}}})] == [0, 2]


@pytest.mark.parametrize(
    ("allow", "owner_rule", "passes"),
    [
        ({}, None, True),
        ({"update": "false"}, None, False),  # without a link rule: update here, and view there
        ({"update": "false", "link": {"owner": "true"}}, None, True),
        ({"link": {"owner": "false"}}, None, False),
        ({"link": {"$default": "false"}}, None, False),
        ({"link": {"owner": "linkedData.id == auth.id && actions.data == 'update'"}}, None, True),
        ({"update": "false"}, {"link": {"notes": "auth.id == data.id"}}, True),
        ({}, {"link": {"notes": "false"}}, False),
        ({}, {"view": "false"}, False),
    ],
)
def test_linking_asks_both_ends(notes: Harness, allow: Any, owner_rule: Any, passes: bool) -> None:
    notes.push_rules({"notes": {"allow": allow}} | ({"$users": {"allow": owner_rule}} if owner_rule else {}))
    ada, as_ada = notes.sign_in("ada@example.com")
    step = ["link", "notes", notes.create("notes"), {"owner": ada}]
    assert notes.permits(step, headers=as_ada) is passes


def test_linked_data_is_the_other_row_as_the_link_leaves_it(notes: Harness) -> None:
    ada, as_ada = notes.sign_in("ada@example.com")
    step = ["link", "notes", notes.create("notes"), {"owner": ada}]
    notes.push_rules({"$users": {"allow": {"link": {"notes": "linkedData.owner == data.id"}}}})
    assert notes.permits(step, headers=as_ada)
    checked = notes.call("POST", "/admin/transact_perms_check", {"steps": [step]}, as_ada)
    (check,) = checked["check-results"]
    assert check["bindings"]["linked-data"]["owner"] == ada
    assert check["bindings"]["actions"] == {"data": "update", "linkedData": "update"}


def test_unlinking_has_rules_of_its_own(notes: Harness) -> None:
    ada, as_ada = notes.sign_in("ada@example.com")
    note = notes.create("notes", owner=ada)
    notes.push_rules({"notes": {"allow": {"unlink": {"owner": "false"}}}})
    with refused("permission-denied"):
        notes.transact(["unlink", "notes", note, {"owner": ada}], headers=as_ada)


def test_a_create_is_judged_after_the_write_so_that_its_links_count(notes: Harness) -> None:
    ada, as_ada = notes.sign_in("ada@example.com")
    ben, _ = notes.sign_in("ben@example.com")
    allow = {"create": "auth.id in data.ref('owner.id')", "link": {"owner": "true"}}
    notes.push_rules({"notes": {"allow": allow}})
    for owner in (ada, ben):
        note = new_id()
        steps = ["create", "notes", note, {"n": 1}], ["link", "notes", note, {"owner": owner}]
        assert notes.permits(*steps, headers=as_ada) is (owner == ada)
    assert [note["owner"] for note in notes.find("notes")] == [ada]


def test_new_attributes_need_leave(notes: Harness) -> None:
    assert may_create(notes, {"invented": 1})
    notes.push_rules({"attrs": {"allow": {"create": "false"}}})
    with refused("permission-denied", {"input": ["attrs", "attr"]}):
        notes.transact(["create", "notes", new_id(), {"other": 1}], headers=GUEST)


def test_a_rate_limit_answers_429_with_when_to_come_back(notes: Harness) -> None:
    limit = {"capacity": 2, "refill": {"amount": 2, "period": "1 hour", "type": "interval"}}
    allow = {"create": "rateLimit.make.limit(request.ip)"}
    notes.push_rules({"$rateLimits": {"make": {"limits": [limit]}}, "notes": {"allow": allow}})
    for _ in range(2):
        assert may_create(notes, {})
    notes.now += 0.3
    with refused("rate-limited", {"retry-after": 3600, "retry-at": "2027-01-15T09:00:00Z"}, status=429):
        may_create(notes, {})
    notes.now += 599.7
    with refused("rate-limited", {"retry-after": 3000}, status=429):
        may_create(notes, {})
    notes.now += 3000
    assert may_create(notes, {})


def test_a_permission_check_of_a_query_reports_each_rule(notes: Harness) -> None:
    note = notes.create("notes", n=1, secret="s")

    def checked(rules: Any, headers: Any = GUEST) -> Any:
        body = {"query": {"notes": {}}, "rules-override": {"notes": {"fields": {"secret": "false"}} | rules}}
        return notes.call("POST", "/admin/query_perms_check", body, headers)

    answer = checked({"allow": {"view": "data.n == 1"}})
    assert answer["result"] == {"notes": [{"id": note, "n": 1}]}
    told = [(each["id"], each["label"], each["check"]) for each in answer["check-results"]]
    assert told == [(note, None, True), (note, "secret", False)]
    bind = {"one": "data.n == 1", "two": "one || false"}
    row, column = checked({"bind": bind, "allow": {"view": "!two"}})["check-results"]
    assert (row["check"], column["label"]) == (False, "secret"), "columns are asked of hidden rows too"
    assert row["program"]["display-code"] == "!two"
    assert row["program"]["code"] == "cel.bind(one, data.n == 1, cel.bind(two, one || false, !two))"
    with refused("validation-failed", {"data-type": "non-admin"}):
        checked({}, headers=None)


@pytest.mark.parametrize(
    ("text", "commit", "kept"), [("true", False, 0), ("true", True, 1), ("false", True, 0)]
)
def test_a_permission_check_of_a_transact_reports_and_rolls_back(
    notes: Harness, text: str, commit: bool, kept: int
) -> None:
    body = {
        "steps": [["create", "notes", new_id(), {"n": 1}]],
        "rules-override": {"notes": {"allow": {"create": text}}},
        "dangerously-commit-tx": commit,
    }
    answer = notes.call("POST", "/admin/transact_perms_check", body, GUEST)
    assert answer["all-checks-ok?"] is (text == "true")
    assert answer["committed?"] is bool(kept)
    (check,) = answer["check-results"]
    assert (check["action"], check["bindings"]["modified-fields"]) == ("create", ["n"])
    assert set(check["bindings"]) == {"data", "new-data", "rule-params", "modified-fields"}
    assert len(notes.find("notes")) == kept


# --- this project's own schema and rules -------------------------------------------------------------------

NAMESPACES = ("$users", "haikus", "creditEntries")
CALLERS = ("guest", "owner", "other", "admin")
ACTIONS = ("view", "create", "update", "delete", "link", "unlink")
# For end users: what the owner may do beyond nothing.
OWNERS_RIGHTS = {("$users", "view"), ("haikus", "view"), ("haikus", "delete"), ("creditEntries", "view")}
HAIKU = {"topic": "sea", "content": "…", "createdAt": 1}
ENTRY = {"key": "k", "slot": "s", "kind": "grant", "amount": 1, "balance": 1, "createdAt": 1}
OTHER_ENTRY = ENTRY | {"key": "k2", "slot": "s2"}


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("etype", NAMESPACES)
def test_this_projects_rules(credits_app: Harness, etype: str, action: str, caller: str) -> None:
    app = credits_app
    ada, as_ada = app.sign_in("ada@example.com")
    ben, as_ben = app.sign_in("ben@example.com")
    haiku = app.create("haikus", **HAIKU, author=ada)
    entry = app.create("creditEntries", **ENTRY, account=ada)
    headers = {"guest": GUEST, "owner": as_ada, "other": as_ben, "admin": None}[caller]
    # Who is linked now, or would like to be.
    end = ben if action == "link" else ada
    subject, values, change, ends = {
        "$users": (ada, {"credits": 1000}, {"credits": 9}, {"haikus": haiku}),
        "haikus": (haiku, {**HAIKU, "author": ben}, {"createdAt": 2}, {"author": end}),
        "creditEntries": (entry, {**OTHER_ENTRY, "account": ben}, {"createdAt": 2}, {"account": end}),
    }[etype]
    step = {
        "create": ["create", etype, new_id(), values],
        "update": ["update", etype, subject, change],
        "delete": ["delete", etype, subject],
    }.get(action, [action, etype, subject, ends])
    if action == "view":
        query = {etype: {"$": {"where": {"id": subject}}}}
        allowed = bool(app.query(query, headers=headers)[etype])
    else:
        allowed = app.permits(step, headers=headers)
    may = caller == "admin" or (caller == "owner" and (etype, action) in OWNERS_RIGHTS)
    assert allowed is may
