from typing import Any

import pytest

from tests.sandbox.instant.harness import Harness, attrs, new_id, refused


@pytest.mark.parametrize(
    ("column", "value"),
    [("n", "1"), ("n", True), ("s", 1), ("b", 0), ("d", "no date"), ("d", True)],
)
def test_a_value_of_the_wrong_type_is_refused(instant: Harness, column: str, value: Any) -> None:
    instant.push({"entities": {"posts": attrs(n="number", s="string", b="boolean", d="date")}})
    with refused("validation-failed", {"attribute": column, "value": value}):
        instant.create("posts", **{column: value})


def test_null_fits_every_type_and_dates_are_kept_as_sent(instant: Harness) -> None:
    instant.push({"entities": {"posts": attrs(n="number", d="date")}})
    post = instant.create("posts", n=None, d="2026-08-21T10:00:00Z")
    assert instant.find("posts") == [{"id": post, "n": None, "d": "2026-08-21T10:00:00Z"}]


def test_a_required_attribute_may_come_in_a_later_step_but_must_come(instant: Harness) -> None:
    instant.push({"entities": {"posts": attrs(title="string*")}})
    post = new_id()
    instant.transact(["create", "posts", post, {}], ["update", "posts", post, {"title": "x"}])
    for step in (["create", "posts", new_id(), {}], ["update", "posts", post, {"title": None}]):
        with refused("validation-failed") as caught:
            instant.transact(step)
        assert [record["label"] for record in caught.value.hint["records"]] == ["title"]


def test_an_indexed_value_over_1024_bytes_is_refused(instant: Harness) -> None:
    instant.push({"entities": {"posts": attrs(key="string#")}})
    instant.create("posts", key="x" * 1000)
    with refused("validation-failed", {"value-too-large?": True}):
        instant.create("posts", key="é" * 600)
