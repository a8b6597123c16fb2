"""The poems: three lines of 5, 7 and 5 syllables that name any topic, or a refusal that says why."""

# ruff: noqa: RUF001 - topics come in letters that look like Latin ones

import re
import unicodedata
from itertools import chain
from pathlib import Path
from random import Random
from typing import Final

import pytest
from django.conf import settings as django_settings
from hypothesis import example, given, settings
from hypothesis import strategies as st

from haikus.errors import UnwritableTopic
from haikus.generators.sample import LINES, METER, compose
from haikus.generators.syllables import syllables_in

TOPICS: Final = Path(__file__).with_name("topics.txt").read_text("utf-8").splitlines()
QUIET: Final = LINES["groups"]["quiet"]
LONGEST_LINE_CHARACTERS: Final = 140
POEMS_REMEMBERED: Final = 10


def poem(topic: str, seed: int = 0) -> str:
    return compose(topic, rng=Random(seed), recent=())


def poems(topic: str, count: int = 20) -> list[str]:
    return [poem(topic, seed) for seed in range(count)]


def lines_of(*groups: str) -> set[str]:
    return set(chain(*(pair for group in groups for pair in LINES["groups"][group]["pairs"])))


@pytest.mark.parametrize("topic", TOPICS)
def test_a_poem_has_lines_of_five_seven_and_five_syllables(topic: str) -> None:
    for haiku in poems(topic):
        assert tuple(map(syllables_in, haiku.split("\n"))) == METER


@pytest.mark.parametrize("topic", TOPICS)
def test_one_line_has_the_topic_and_the_others_come_from_one_group(topic: str) -> None:
    for haiku in poems(topic):
        groups = [lines_of(group) for group in LINES["groups"]]
        assert max(len(group.intersection(haiku.split("\n"))) for group in groups) == 2


def topics(bar_separated: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("topic", bar_separated.split(" | "))


@topics("rain | the sea | machine learning | what is love? | 🚀 | 漢字 | InstantDB")
def test_a_short_topic_is_named_once_and_in_any_of_the_lines(topic: str) -> None:
    assert {haiku.count(topic) for haiku in poems(topic)} == {1}
    places = {[topic in line for line in haiku.split("\n")].index(True) for haiku in poems(topic)}
    assert places == {0, 1, 2}


def test_the_same_chance_gives_the_same_poem_and_another_another() -> None:
    assert poems("rain") == poems("rain")
    assert len(set(poems("rain"))) == 20


@topics("my daughter's first day at school | debugging in production | why is the sky blue?")
def test_a_topic_that_fills_a_line_can_stand_alone(topic: str) -> None:
    assert any(topic in haiku.split("\n") for haiku in poems(topic, 50))


@pytest.mark.parametrize(
    ("topic", "named"),
    [
        ("the feeling when you finally close the last browser tab on a Friday evening", "a Friday evening"),
        ("a very long walk through the old town with my sister and her two small dogs", "my sister"),
        (
            "Please write something about the smell of rain on the hot tar road outside",
            "the smell of rain",
        ),
        ("https://www.example.com/some/long/path?query=1", "example.com"),
        ("吾輩は猫である。名前はまだ無い。", "吾輩"),
        ("the deadline for the quarterly tax report that nobody in the whole office wants", "the deadline"),
        ("antidisestablishmentarianism", "antidisestab…"),
        ("8" * 80, "88…"),
    ],
)
def test_a_topic_that_is_too_long_is_represented_by_a_part_of_it(topic: str, named: str) -> None:
    assert all(named in haiku for haiku in poems(topic))


@pytest.mark.parametrize(
    ("topic", "shown"),
    [
        ("The Sea", "the sea"),
        ("I LOVE YOU", "I love you"),
        ("i love you", "I love you"),
        ("NASA", "NASA"),
        ("JavaScript", "JavaScript"),
        ("The Pacific Ocean", "the Pacific Ocean"),
        ("Monday", "Monday"),
    ],
)
def test_a_topic_is_spelled_as_inside_a_sentence(topic: str, shown: str) -> None:
    assert all(shown in haiku for haiku in poems(topic))


@pytest.mark.parametrize(
    ("topic", "group"),
    [
        ("tulips", "spring"),
        ("first snow", "winter"),
        ("the sea", "sea"),
        ("my old cat", "autumn room"),
        ("Python", "room"),
    ],
)
def test_a_topic_that_names_a_season_or_a_place_is_set_there(topic: str, group: str) -> None:
    for haiku in poems(topic):
        assert len(lines_of(*group.split()).intersection(haiku.split("\n"))) == 2


@pytest.mark.parametrize(
    ("topic", "kind"), [("what is love?", "question"), ("antidisestablishmentarianism", "broken")]
)
def test_a_question_is_asked_and_what_is_broken_off_is_cut_short(topic: str, kind: str) -> None:
    openings = {frame.removesuffix("{}") for frame in LINES[kind]} - {""}
    for haiku in poems(topic):
        assert any(line.startswith(opening) for opening in openings for line in haiku.split("\n"))


@topics("rain | the bell | snow | a note")
def test_the_frame_repeats_no_word_of_the_topic(topic: str) -> None:
    for haiku in poems(topic, 50):
        (named,) = set(haiku.split("\n")) - lines_of(*LINES["groups"])
        assert len(re.findall(rf"\b{topic.split()[-1]}\b", named)) == 1


@topics(
    "the death of my father | grief | I want to die | Suicide | self-harm | I don’t want to live | "
    "school shooting | WAR | he hits me | I lost my brother | feeling empty | my winter of grief by the sea | "
    "戦争と平和 | смерть | आत्महत्या | الموت"
)
def test_grief_and_violence_get_only_quiet_lines_and_frames(topic: str) -> None:
    quiet = [frame for frame in QUIET["frames"] if frame != "{}"]
    frames = [re.compile(re.escape(frame).replace(r"\{\}", ".+")) for frame in quiet]
    for haiku in poems(topic, 50):
        (named,) = set(haiku.split("\n")) - lines_of("quiet")
        assert named.lower() in topic.lower() or any(frame.fullmatch(named) for frame in frames)


def test_grief_gets_no_other_frame_when_all_the_quiet_ones_are_used() -> None:
    quiet, others = [
        {frame.replace("{}", "grief") for frame in frames} for frames in (QUIET["frames"], LINES["any_topic"])
    ]
    haiku = compose("grief", rng=Random(0), recent=["\n".join(quiet)])
    assert others.isdisjoint(haiku.split("\n"))


@topics("deadline | warm bread | skills | the grass | bombast | shooting stars | Star Wars")
def test_a_word_inside_another_is_no_reason_for_quiet(topic: str) -> None:
    assert not any(lines_of("quiet").intersection(haiku.split("\n")) for haiku in poems(topic))


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(topics=st.lists(st.sampled_from(TOPICS), min_size=1, max_size=4), seed=st.integers(0, 2**32))
@example(topics=["internationalization"], seed=0)
@example(topics=["my daughter's first day at school"], seed=0)
@example(topics=["suicide"], seed=0)
def test_no_line_comes_again_within_the_poems_that_are_remembered(topics: list[str], seed: int) -> None:
    rng = Random(seed)
    recent: list[str] = []
    for _ in range(200):
        haiku = compose(rng.choice(topics), rng=rng, recent=recent)
        lines = [line for text in (haiku, *recent) for line in text.split("\n")]
        assert len(set(lines)) == len(lines)
        recent = [haiku, *recent][:POEMS_REMEMBERED]


def test_another_generator_may_have_written_what_is_remembered() -> None:
    everything = "\n".join(chain(*map(lines_of, LINES["groups"])))
    haiku = compose("rain", rng=Random(0), recent=[everything, ""])
    assert tuple(map(syllables_in, haiku.split("\n"))) == METER


@topics("{0} | {} and {}x | \\1 | %s | <script>")
def test_what_looks_like_a_placeholder_or_markup_is_only_text(topic: str) -> None:
    assert topic in poem(topic)


def test_control_characters_never_reach_the_poem() -> None:
    haiku = poem("mid\x00night\n\u202erain\u2028\x1b[31m")
    assert haiku.count("\n") == 2
    categories = {unicodedata.category(sign) for sign in haiku.replace("\n", "")}
    assert categories.isdisjoint({"Cc", "Cf", "Zl", "Zp"})


def test_repeated_signs_and_piled_marks_are_cut_short() -> None:
    assert "wow!!!" in poem("wow" + "!" * 70)
    assert "wow!!!!" not in poem("wow" + "!" * 70)
    piled = poem("rain" + "\u0316\u0317" * 35)
    assert sum(map(unicodedata.combining, piled)) == 3 * unicodedata.combining("\u0316")


@pytest.mark.parametrize(
    "topic",
    [
        "",
        " ",
        "!!!",
        "…",
        "\x00\x01",
        "\u200b",
        "\u200e\u202e",
        "\u3164",
        "\u2800",
        "- - -",
        "+",
        "\ufe0f",
        "\u0301",
    ],
)
def test_a_topic_with_nothing_to_name_is_refused(topic: str) -> None:
    with pytest.raises(UnwritableTopic) as refusal:
        poem(topic)
    assert refusal.value.reason == "Give a topic with at least one letter, number or emoji in it."


WORDS: Final = st.text(
    "abcdeghilnorstuwy AEIOST'’-.,?!&0123456789éß漢かкоअ्क🐱🚀\u200d\n\t", min_size=1, max_size=80
)


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(topic=st.text(min_size=1, max_size=80) | WORDS, seed=st.integers(0, 2**32))
@example(topic="a\u200d", seed=0)
@example(topic="ﷺ", seed=0)
@example(topic="½ ㍿ ™", seed=0)
@example(topic="a" * 80, seed=0)
@example(topic="🎉" * 40, seed=0)
@example(topic="ไ" * 80, seed=0)
def test_any_text_gives_a_poem_or_a_refusal(topic: str, seed: int) -> None:
    try:
        lines = poem(topic, seed).split("\n")
    except UnwritableTopic:
        return
    assert tuple(map(syllables_in, lines)) == METER
    assert max(map(len, lines)) <= LONGEST_LINE_CHARACTERS
    assert all(line == " ".join(line.split()) for line in lines)


def test_the_specimen_on_the_landing_page_is_one_that_can_be_made() -> None:
    page = (django_settings.BASE_DIR / "templates" / "haikus" / "landing.html").read_text("utf-8")
    (specimen,) = re.findall(r'<p class="poem"[^>]*>(.*?)</p>\s*<figcaption>.*on <em>credits</em>', page)
    assert any(poem("credits", seed) == specimen.replace("<br>", "\n") for seed in range(20_000))
