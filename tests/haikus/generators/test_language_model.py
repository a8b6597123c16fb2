"""A haiku from a language model: what its answers become, over a real socket and the client's own library."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from credits_site.metrics import COUNTED
from haikus.errors import GeneratorFailed, UnwritableTopic
from haikus.generators import language_model
from haikus.writing import Piece
from tests.drivers.language_model import POEM, Answer, Model

pytestmark = pytest.mark.slow


def written(topic: str = "rain") -> list[Piece]:
    return list(language_model.write(topic, recent=["one\ntwo\nthree"]))


def test_the_lines_come_one_by_one_and_the_last_piece_is_the_poem(model: Model) -> None:
    pieces = written()
    assert pieces[-1] == Piece(POEM, 1)
    assert pieces[0].text == "An old silent pond"
    (asked,) = model.asked
    assert (asked["model"], asked["stream"], asked["max_tokens"]) == ("a-model", True, 200)
    assert "Topic: rain" in asked["messages"][1]["content"]
    assert "one\ntwo\nthree" in asked["messages"][1]["content"]


def test_each_answer_is_counted_as_a_call_that_went_well_or_failed(model: Model) -> None:
    def counted(outcome: str) -> float:
        labels = {"service": "language_model", "outcome": outcome}
        return COUNTED.get_sample_value("credits_outside_call_seconds_count", labels) or 0

    before = counted("ok"), counted("failed")
    written()
    model.answers = [Answer.at_once(status=400)]
    with pytest.raises(GeneratorFailed):
        written()
    assert (counted("ok") - before[0], counted("failed") - before[1]) == (1, 1)


@pytest.mark.parametrize(
    ("price", "tokens", "used"), [("0", 900, 1), ("2", 1001, 3), ("2", 1, 1), ("0.1", 30000, 3)]
)
def test_it_costs_what_it_used_rounded_up_once(
    model: Model, settings: Any, price: str, tokens: int, used: int
) -> None:
    settings.LANGUAGE_MODEL_PRICE = Decimal(price)
    settings.LANGUAGE_MODEL_MAX_TOKENS = 20_000
    model.answers = [Answer.at_once(tokens=tokens)]
    assert written()[-1].used == used
    assert used <= language_model.most("rain")


def test_two_answers_are_priced_together_and_never_above_what_is_held(model: Model, settings: Any) -> None:
    settings.LANGUAGE_MODEL_PRICE = Decimal("1.0")
    settings.LANGUAGE_MODEL_MAX_TOKENS = 1000
    model.answers = [Answer.at_once("No.", tokens=900), Answer.at_once(tokens=900)]
    assert written()[-1] == Piece(POEM, 2)
    model.answers = [Answer.at_once(tokens=1_000_000)]
    assert written()[-1].used == language_model.most("rain")


def test_a_server_that_does_not_count_is_estimated(model: Model, settings: Any) -> None:
    settings.LANGUAGE_MODEL_PRICE = Decimal("10.0")
    model.answers = [Answer.at_once(tokens=None)]
    assert 1 <= written()[-1].used <= language_model.most("rain")


@pytest.mark.parametrize(
    "nonsense", ["", "One line.", "a\nb\nc\nd", f"a\n{'b' * 200}\nc"], ids=["nothing", "one", "four", "long"]
)
def test_what_is_no_haiku_is_asked_for_once_more(model: Model, nonsense: str) -> None:
    model.answers = [Answer.at_once(nonsense), Answer.at_once()]
    assert written()[-1].text == POEM
    model.answers = [Answer.at_once(nonsense)]
    with pytest.raises(GeneratorFailed, match="nonsense"):
        written()
    assert len(model.asked) == 4


@pytest.mark.parametrize(
    "answer",
    [Answer.at_once(ends="content_filter"), Answer.at_once("", refuses=True)],
    ids=["filter", "refusal"],
)
def test_what_the_model_does_not_write_on_is_the_topics_fault(model: Model, answer: Answer) -> None:
    model.answers = [answer]
    with pytest.raises(UnwritableTopic):
        written()


@pytest.mark.parametrize(
    ("answer", "times"),
    [
        (Answer.at_once(ends=None), 1),
        (Answer.at_once(status=429), 3),
        (Answer.at_once(status=503), 3),
        (Answer.at_once(status=401), 1),
    ],
    ids=["cut", "429", "503", "401"],
)
def test_a_server_that_gives_no_poem_fails(model: Model, answer: Answer, times: int) -> None:
    model.answers = [answer]
    with pytest.raises(GeneratorFailed):
        written()
    assert len(model.asked) == times


def test_a_server_that_is_busy_for_a_moment_is_asked_again(model: Model) -> None:
    model.answers = [Answer.at_once(status=429), Answer.at_once()]
    assert written()[-1].text == POEM


def test_a_server_that_falls_silent_is_not_waited_for(model: Model, settings: Any) -> None:
    settings.LANGUAGE_MODEL_TIMEOUT_S = 0.05
    language_model._client.cache_clear()
    model.answers = [Answer()]
    with pytest.raises(GeneratorFailed):
        written()
