from typing import Any

import pytest

from tests.sandbox.instant.harness import Harness, attrs, new_id, refused


def test_a_created_entity_is_found_with_what_was_set(instant: Harness) -> None:
    values: dict[str, Any] = {"title": "Ünïcode ✓", "tags": ["a", {"b": None}], "likes": 0}
    post = instant.create("posts", **values)
    assert instant.find("posts") == [{"id": post, **values}]


def test_transaction_ids_increase(instant: Harness) -> None:
    first = instant.transact(["update", "posts", new_id(), {}])
    assert instant.transact() > first


def test_update_with_nothing_makes_the_row_and_an_id_in_the_values_is_dropped(instant: Harness) -> None:
    post = new_id()
    instant.transact(["update", "posts", post, {"id": new_id()}])
    assert instant.find("posts") == [{"id": post}]


def test_create_over_an_existing_entity_is_refused(instant: Harness) -> None:
    post = instant.create("posts", n=1)
    with refused("validation-failed", {"data-type": "tx-step"}) as caught:
        instant.transact(["create", "posts", post, {"n": 2}])
    assert [(op["op"], op["eid"], op["value"], op["opts"]) for op in caught.value.hint["input"]] == [
        ("add-triple", post, post, {"mode": "create"}),
        ("add-triple", post, 2, {"mode": "create"}),
    ]
    assert instant.find("posts") == [{"id": post, "n": 1}]


def test_the_same_id_may_be_created_in_another_namespace(instant: Harness) -> None:
    post = instant.create("posts", n=1)
    instant.transact(["create", "pages", post, {"n": 2}])
    assert instant.find("pages") == [{"id": post, "n": 2}]


@pytest.mark.parametrize(
    ("step", "data_type"),
    [
        (["update", "posts", new_id(), {"n": 1}, {"upsert": False}], "tx-step"),
        (["create", "posts", new_id(), {}, {"upsert": True}], "steps"),
        (["create", "posts", "not-a-uuid", {}], "steps"),
        (["create", "posts", new_id()], "steps"),
        (["increment", "posts", new_id(), {}], "steps"),
        (["link", "posts", new_id(), {"author": 7}], "steps"),
        ("create", "steps"),
        (["delete-attr", "nope"], "steps"),
        (["update-attr", {}], "action"),
    ],
)
def test_steps_without_a_row_or_a_form_are_refused(instant: Harness, step: Any, data_type: str) -> None:
    with refused("validation-failed", {"data-type": data_type}):
        instant.transact(step)


def test_a_clash_of_unique_values_is_named_and_undoes_the_whole_transaction(keyed: Harness) -> None:
    post = keyed.create("posts", key="pay_77")
    with refused("record-not-unique") as caught:
        keyed.transact(
            ["create", "notes", new_id(), {"text": "x"}], ["create", "posts", new_id(), {"key": "pay_77"}]
        )
    assert caught.value.hint == {
        "record-type": "triple",
        "attr-id": keyed.schema()["blobs"]["posts"]["key"]["id"],
        "etype": "posts",
        "label": "key",
        "value": '"pay_77"',
    }
    assert (keyed.find("notes"), keyed.find("posts")) == ([], [{"id": post, "key": "pay_77"}])


def test_uniqueness_is_equality_of_json_and_null_is_exempt(instant: Harness) -> None:
    instant.push({"entities": {"things": attrs(key="any!#")}})
    different: list[Any] = [1, "1", True, None, None, {"a": 1, "b": 2}, "A", "a"]
    for value in different:
        instant.create("things", key=value)
    taken: list[Any] = [1.0, True, {"b": 2, "a": 1}, "a"]
    for value in taken:
        with refused("record-not-unique"):
            instant.create("things", key=value)


def test_setting_the_unique_value_that_one_has_already_succeeds(keyed: Harness) -> None:
    post = keyed.create("posts", key="k")
    keyed.transact(["update", "posts", post, {"key": "k", "n": 2}])
    assert keyed.find("posts", {"key": "k"})[0]["n"] == 2


def test_a_unique_value_is_free_again_when_its_entity_changes_or_goes(keyed: Harness) -> None:
    post = keyed.create("posts", key="k")
    keyed.transact(["update", "posts", post, {"key": "other"}])
    keyed.create("posts", key="k")
    keyed.transact(["delete", "posts", post])
    keyed.create("posts", key="other")
    assert sorted(post["key"] for post in keyed.find("posts")) == ["k", "other"]


def test_two_entities_cannot_swap_unique_values(keyed: Harness) -> None:
    one, two = keyed.create("posts", key="a"), keyed.create("posts", key="b")
    with refused("record-not-unique"):
        keyed.transact(["update", "posts", one, {"key": "b"}], ["update", "posts", two, {"key": "a"}])


def test_rows_are_written_in_the_order_of_their_ids_so_values_move_up_and_not_down(keyed: Harness) -> None:
    low, high = sorted([keyed.create("posts"), keyed.create("posts")])
    keyed.transact(["update", "posts", low, {"key": "k"}])
    keyed.transact(["update", "posts", high, {"key": "k"}], ["update", "posts", low, {"key": None}])
    with refused("record-not-unique"):
        keyed.transact(["update", "posts", high, {"key": None}], ["update", "posts", low, {"key": "k"}])


def test_steps_run_grouped_by_kind_in_the_order_of_first_appearance(keyed: Harness) -> None:
    old, new = keyed.create("posts", key="k"), new_id()
    creating, deleting = ["create", "posts", new, {"key": "k"}], ["delete", "posts", old]
    with refused("record-not-unique"):
        keyed.transact(creating, deleting)
    keyed.transact(["update", "posts", old, {"n": 2}], deleting, ["update", "posts", old, {"n": 3}])
    assert keyed.find("posts") == []
    old = keyed.create("posts", key="k")
    keyed.transact(["delete", "posts", old], creating)
    assert keyed.find("posts") == [{"id": new, "key": "k"}]


def test_the_last_write_to_an_attribute_wins(instant: Harness) -> None:
    post = new_id()
    instant.transact(["update", "posts", post, {"n": 1, "m": 1}], ["update", "posts", post, {"n": 2}])
    assert instant.find("posts") == [{"id": post, "n": 2, "m": 1}]


def test_merge_goes_key_by_key_and_replaces_numbers_and_lists(instant: Harness) -> None:
    post = instant.create("posts", o={"a": 1, "b": {"c": 1}}, n=5, l=[1])
    instant.transact(["merge", "posts", post, {"o": {"b": {"d": 2}, "a": None}, "n": 6, "l": [2]}])
    assert instant.find("posts") == [{"id": post, "o": {"b": {"c": 1, "d": 2}}, "n": 6, "l": [2]}]


def test_a_uuid_is_stored_in_lower_case_wherever_it_stands(instant: Harness) -> None:
    post, other = new_id(), new_id()
    instant.transact(["create", "posts", post.upper(), {"refs": [{"to": other.upper()}]}])
    assert instant.find("posts") == [{"id": post, "refs": [{"to": other}]}]


def test_a_nul_is_refused_in_the_databases_words(instant: Harness) -> None:
    with refused("validation-failed") as caught:
        instant.create("posts", text="a\0b")
    assert caught.value.hint == {"table": None, "condition": "untranslatable-character", "constraint": None}


def test_half_a_surrogate_pair_is_stored_as_a_question_mark(instant: Harness) -> None:
    instant.create("posts", text=["a\ud800", "\U0001f31a"])
    assert [post["text"] for post in instant.find("posts")] == [["a?", "\U0001f31a"]]
    assert instant.find("posts", {"id": "\udc00"}) == []


def test_one_transact_holds_some_thirteen_thousand_values(instant: Harness) -> None:
    columns = {f"c{n}": n for n in range(130)}

    def creates(number: int) -> list[Any]:
        return [["create", "posts", new_id(), columns] for _ in range(number)]

    instant.transact(*creates(100))
    with refused("parameter-limit-exceeded"):
        instant.transact(*creates(101))


def test_an_attribute_can_be_added_and_dropped_by_steps(instant: Harness) -> None:
    column = {
        "id": new_id(),
        "forward-identity": [new_id(), "posts", "slug"],
        "value-type": "blob",
        "cardinality": "one",
        "unique?": True,
        "index?": True,
    }
    instant.transact(["add-attr", column])
    post = instant.create("posts", slug="a")
    assert instant.find("posts") == [{"id": post, "slug": "a"}]
    instant.transact(["delete-attr", column["id"]])
    assert instant.find("posts") == [{"id": post}]
    assert instant.call("GET", "/admin/soft_deleted_attrs")["attrs"][0]["id"] == column["id"]


def test_a_read_only_app_takes_no_writes_and_a_disabled_one_nothing(instant: Harness) -> None:
    instant.standin.apps.set_status(instant.app.id, "read-only")
    with refused("app-read-only", {"status": "read-only"}):
        instant.create("posts")
    assert instant.find("posts") == []
    instant.standin.apps.set_status(instant.app.id, "disabled")
    with refused("app-disabled"):
        instant.find("posts")
