from typing import Any

import pytest

from tests.sandbox.instant.harness import Harness, Refused, attrs, new_id


def test_a_created_entity_is_found_with_what_was_set(instant: Harness) -> None:
    post = new_id()
    instant.transact(["create", "posts", post, {"title": "One", "tags": ["a", {"b": None}], "likes": 0}])
    assert instant.find("posts") == [{"id": post, "title": "One", "tags": ["a", {"b": None}], "likes": 0}]


def test_transaction_ids_increase(instant: Harness) -> None:
    first = instant.transact(["update", "posts", new_id(), {}])
    assert instant.transact() > first


def test_update_with_nothing_makes_the_row_and_an_id_among_the_attributes_is_dropped(
    instant: Harness,
) -> None:
    post = new_id()
    instant.transact(["update", "posts", post, {"id": new_id()}])
    assert instant.find("posts") == [{"id": post}]


def test_create_over_an_existing_entity_is_refused(instant: Harness) -> None:
    post = new_id()
    instant.transact(["create", "posts", post, {"n": 1}])
    with pytest.raises(Refused) as refused:
        instant.transact(["create", "posts", post, {"n": 2}])
    assert refused.value.kind == "validation-failed"
    assert refused.value.hint["data-type"] == "tx-step"
    ops = refused.value.hint["input"]
    assert [(op["op"], op["eid"], op["value"], op["opts"]) for op in ops] == [
        ("add-triple", post, post, {"mode": "create"}),
        ("add-triple", post, 2, {"mode": "create"}),
    ]
    assert instant.find("posts") == [{"id": post, "n": 1}]


def test_the_same_id_may_be_created_in_another_namespace(instant: Harness) -> None:
    same = new_id()
    instant.transact(["create", "posts", same, {"n": 1}], ["create", "pages", same, {"n": 2}])
    assert instant.find("pages") == [{"id": same, "n": 2}]


def test_update_without_upsert_wants_the_row(instant: Harness) -> None:
    with pytest.raises(Refused) as refused:
        instant.transact(["update", "posts", new_id(), {"n": 1}, {"upsert": False}])
    assert refused.value.hint["data-type"] == "tx-step"


def test_create_takes_no_options(instant: Harness) -> None:
    with pytest.raises(Refused) as refused:
        instant.transact(["create", "posts", new_id(), {}, {"upsert": True}])
    assert refused.value.hint["data-type"] == "steps"


@pytest.mark.parametrize(
    "step",
    [
        ["create", "posts", "not-a-uuid", {}],
        ["create", "posts", new_id()],
        ["increment", "posts", new_id(), {}],
        ["link", "posts", new_id(), {"author": 7}],
        "create",
        ["delete-attr", "nope"],
        ["update-attr", {}],
    ],
)
def test_steps_that_are_not_well_formed_are_refused(instant: Harness, step: Any) -> None:
    with pytest.raises(Refused) as refused:
        instant.transact(step)
    assert refused.value.kind == "validation-failed"


def test_a_failing_step_undoes_the_whole_transaction(instant: Harness) -> None:
    instant.push({"entities": {"posts": attrs(key="string!#")}})
    instant.transact(["create", "posts", new_id(), {"key": "taken"}])
    with pytest.raises(Refused):
        instant.transact(
            ["create", "notes", new_id(), {"text": "x"}], ["create", "posts", new_id(), {"key": "taken"}]
        )
    assert instant.find("notes") == []
    assert [post["key"] for post in instant.find("posts")] == ["taken"]


def test_a_clash_of_unique_values_names_the_attribute_and_the_value(instant: Harness) -> None:
    instant.push({"entities": {"posts": attrs(key="string!#")}})
    instant.transact(["create", "posts", new_id(), {"key": "pay_77"}])
    with pytest.raises(Refused) as refused:
        instant.transact(["create", "posts", new_id(), {"key": "pay_77"}])
    attr = instant.call("GET", "/admin/schema")["schema"]["blobs"]["posts"]["key"]
    assert (refused.value.status, refused.value.kind) == (400, "record-not-unique")
    assert refused.value.hint == {
        "record-type": "triple",
        "attr-id": attr["id"],
        "etype": "posts",
        "label": "key",
        "value": '"pay_77"',
    }


def test_uniqueness_is_equality_of_json_and_null_is_exempt(instant: Harness) -> None:
    instant.push({"entities": {"things": attrs(key="any!#")}})

    values = (1, "1", True, None, None, {"a": 1, "b": 2}, "A", "a")
    instant.transact(*(["create", "things", new_id(), {"key": value}] for value in values))
    for value in (1.0, True, {"b": 2, "a": 1}, "a"):
        with pytest.raises(Refused, match="record-not-unique"):
            instant.transact(["create", "things", new_id(), {"key": value}])


def test_setting_the_unique_value_that_one_has_already_succeeds(instant: Harness) -> None:
    instant.push({"entities": {"posts": attrs(key="string!#")}})
    post = new_id()
    instant.transact(["create", "posts", post, {"key": "k"}])
    instant.transact(["update", "posts", post, {"key": "k", "n": 2}])
    assert instant.find("posts", {"key": "k"})[0]["n"] == 2


def test_a_unique_value_is_free_again_when_its_entity_changes_or_goes(instant: Harness) -> None:
    instant.push({"entities": {"posts": attrs(key="string!#")}})
    post = new_id()
    instant.transact(["create", "posts", post, {"key": "k"}])
    instant.transact(["update", "posts", post, {"key": "other"}])
    instant.transact(["create", "posts", new_id(), {"key": "k"}])
    instant.transact(["delete", "posts", post])
    instant.transact(["create", "posts", new_id(), {"key": "other"}])
    assert sorted(post["key"] for post in instant.find("posts")) == ["k", "other"]


def test_two_entities_cannot_swap_unique_values(instant: Harness) -> None:
    instant.push({"entities": {"posts": attrs(key="string!#")}})
    one, two = new_id(), new_id()
    instant.transact(["create", "posts", one, {"key": "a"}], ["create", "posts", two, {"key": "b"}])
    with pytest.raises(Refused, match="record-not-unique"):
        instant.transact(["update", "posts", one, {"key": "b"}], ["update", "posts", two, {"key": "a"}])


def test_rows_are_written_in_the_order_of_their_ids_so_a_value_can_be_handed_up_and_not_down(
    instant: Harness,
) -> None:
    instant.push({"entities": {"posts": attrs(key="string!#")}})
    low, high = sorted([new_id(), new_id()])
    instant.transact(["create", "posts", low, {"key": "k"}], ["create", "posts", high, {}])
    instant.transact(["update", "posts", high, {"key": "k"}], ["update", "posts", low, {"key": None}])
    with pytest.raises(Refused, match="record-not-unique"):
        instant.transact(["update", "posts", high, {"key": None}], ["update", "posts", low, {"key": "k"}])


def test_steps_run_grouped_by_kind_in_the_order_of_first_appearance(instant: Harness) -> None:
    post = new_id()
    instant.transact(["update", "posts", post, {"n": 1}])
    instant.transact(
        ["update", "posts", post, {"n": 2}], ["delete", "posts", post], ["update", "posts", post, {"n": 3}]
    )
    assert instant.find("posts") == []


def test_delete_before_create_frees_a_value_and_the_other_way_round_fails(instant: Harness) -> None:
    instant.push({"entities": {"posts": attrs(key="string!#")}})
    old, new = new_id(), new_id()
    instant.transact(["create", "posts", old, {"key": "k"}])
    with pytest.raises(Refused, match="record-not-unique"):
        instant.transact(["create", "posts", new, {"key": "k"}], ["delete", "posts", old])
    instant.transact(["delete", "posts", old], ["create", "posts", new, {"key": "k"}])
    assert instant.find("posts") == [{"id": new, "key": "k"}]


def test_the_last_write_to_an_attribute_wins(instant: Harness) -> None:
    post = new_id()
    instant.transact(["update", "posts", post, {"n": 1, "m": 1}], ["update", "posts", post, {"n": 2}])
    assert instant.find("posts") == [{"id": post, "n": 2, "m": 1}]


def test_merge_goes_key_by_key_and_replaces_numbers_and_lists(instant: Harness) -> None:
    post = new_id()
    instant.transact(["create", "posts", post, {"o": {"a": 1, "b": {"c": 1}}, "n": 5, "l": [1]}])
    instant.transact(["merge", "posts", post, {"o": {"b": {"d": 2}, "a": None}, "n": 6, "l": [2]}])
    assert instant.find("posts") == [{"id": post, "o": {"b": {"c": 1, "d": 2}}, "n": 6, "l": [2]}]


def test_a_uuid_is_stored_in_lower_case_wherever_it_stands(instant: Harness) -> None:
    post, other = new_id(), new_id()
    instant.transact(["create", "posts", post.upper(), {"refs": [{"to": other.upper()}]}])
    assert instant.find("posts") == [{"id": post, "refs": [{"to": other}]}]


def test_a_nul_is_refused_in_the_databases_words(instant: Harness) -> None:
    with pytest.raises(Refused) as refused:
        instant.transact(["create", "posts", new_id(), {"text": "a\0b"}])
    assert (refused.value.status, refused.value.kind) == (400, "validation-failed")
    assert refused.value.hint == {"table": None, "condition": "untranslatable-character", "constraint": None}


def test_half_a_surrogate_pair_is_stored_as_a_question_mark(instant: Harness) -> None:
    instant.transact(["create", "posts", new_id(), {"text": ["a\ud800", "\U0001f31a"]}])
    assert [post["text"] for post in instant.find("posts")] == [["a?", "\U0001f31a"]]
    assert instant.find("posts", {"id": "\udc00"}) == []


def test_one_transact_holds_some_thirteen_thousand_values(instant: Harness) -> None:
    columns = {f"c{n}": n for n in range(130)}

    def creates(number: int) -> list[Any]:
        return [["create", "posts", new_id(), columns] for _ in range(number)]

    instant.transact(*creates(100))
    with pytest.raises(Refused, match="parameter-limit-exceeded"):
        instant.transact(*creates(101))


def test_an_attribute_can_be_added_and_dropped_by_steps(instant: Harness) -> None:
    attr, post = new_id(), new_id()
    column = {
        "id": attr,
        "forward-identity": [new_id(), "posts", "slug"],
        "value-type": "blob",
        "cardinality": "one",
        "unique?": True,
        "index?": True,
    }
    instant.transact(["add-attr", column])
    instant.transact(["create", "posts", post, {"slug": "a"}])
    assert instant.find("posts") == [{"id": post, "slug": "a"}]
    instant.transact(["delete-attr", attr])
    assert instant.find("posts") == [{"id": post}]
    assert instant.call("GET", "/admin/soft_deleted_attrs")["attrs"][0]["id"] == attr


def test_a_read_only_app_takes_no_writes_and_a_disabled_one_nothing(instant: Harness) -> None:
    instant.standin.apps.set_status(instant.app.id, "read-only")
    with pytest.raises(Refused) as refused:
        instant.transact(["create", "posts", new_id(), {}])
    assert (refused.value.kind, refused.value.hint) == ("app-read-only", {"status": "read-only"})
    assert instant.find("posts") == []
    instant.standin.apps.set_status(instant.app.id, "disabled")
    with pytest.raises(Refused, match="app-disabled"):
        instant.find("posts")
