"""Every word that the poems are made of is one the pronouncing dictionary has and is sure about."""

import re
from collections.abc import Iterator

import pytest

from haikus import verse, vocabulary
from haikus.subjects import Kind, words_of
from haikus.syllables import pronunciations, syllables_in
from haikus.vocabulary import SCENES, Scene

FRAMES = (
    vocabulary.OPENINGS,
    vocabulary.MIDDLES,
    vocabulary.CLOSINGS,
    vocabulary.SAYINGS,
    vocabulary.WHEREABOUTS,
)
# "us" is also an abbreviation to the dictionary, and it has a drawled "spring".
ODD_SECOND_READINGS = {"us", "spring"}


def phrases(listed: str) -> list[str]:
    return " ".join(listed.split()).split(" / ")


def texts() -> Iterator[str]:
    for scene in SCENES:
        yield from (scene.things, scene.places, scene.endings)
        for act in scene.acts:
            yield from (act.one, act.many)
            # Both spellings of a verb: after one subject, and after many.
            yield re.sub(r"\[(\w+)(?:/\w*)?\]", r"\1", act.does)
            yield re.sub(r"\[\w+(?:/(\w*))?\]", r"\1", act.does)
    yield vocabulary.ENDINGS
    yield from (re.sub("PLACE|THING", "", frames) for frames in FRAMES)


@pytest.fixture(scope="module")
def words() -> set[str]:
    return {word for text in texts() for word in re.findall(r"[a-z']+", text.lower())}


@pytest.fixture(scope="module")
def readings() -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for word, count in pronunciations():
        found.setdefault(word, set()).add(count)
    return found


def test_the_vocabulary_is_a_large_one(words: set[str]) -> None:
    assert len(words) > 1_000


def test_the_dictionary_has_every_word(words: set[str], readings: dict[str, set[int]]) -> None:
    assert sorted(word for word in words if word not in readings) == []


def test_every_word_has_one_count_however_it_is_said(words: set[str], readings: dict[str, set[int]]) -> None:
    doubtful = {word for word in words if len(readings.get(word, {0})) > 1}
    assert doubtful <= ODD_SECOND_READINGS


def test_every_word_is_counted_as_the_dictionary_says(words: set[str], readings: dict[str, set[int]]) -> None:
    wrong = {
        word: syllables_in(word) for word in words if syllables_in(word) not in readings.get(word, set())
    }
    assert wrong == {}


def test_every_last_line_has_five_syllables() -> None:
    endings = [ending for scene in SCENES for ending in phrases(scene.endings)] + phrases(vocabulary.ENDINGS)
    assert [ending for ending in endings if syllables_in(ending) != 5] == []
    assert len(endings) == len(set(endings)) > 150


def test_every_frame_has_room_for_exactly_one_topic() -> None:
    assert [frame for frames in FRAMES for frame in phrases(frames) if frame.count("{}") != 1] == []


def test_a_verb_agrees_with_its_subject() -> None:
    act = vocabulary.Act(one="a gull", many="two gulls", does="carr[ies/y] salt / look[s] up and wait[s]")
    assert set(verse._sentences(act)) == {
        "a gull carries salt",
        "two gulls carry salt",
        "a gull looks up and waits",
        "two gulls look up and wait",
    }


@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_has_plenty_to_show_in_each_line(scene: Scene) -> None:
    for line in range(3):
        assert sum(len(pattern) for pattern in verse._images(line, scene)) >= 50


@pytest.mark.parametrize("scene", SCENES)
def test_no_glimpse_says_the_same_word_twice(scene: Scene) -> None:
    glimpses = [phrase.text for pattern in verse._images(0, scene) for phrase in pattern]
    said = [[word for spoken in glimpse.split() for word in words_of(spoken)] for glimpse in glimpses]
    assert [words for words in said if len(words) != len(set(words))] == []


@pytest.mark.parametrize("kind", Kind)
def test_a_topic_of_any_length_finds_a_frame_in_each_line_it_fits(kind: Kind) -> None:
    for scene in SCENES:
        for line, meter in enumerate(verse.METER):
            assert all(verse._frames(kind, line, scene, beside) for beside in range(meter))
