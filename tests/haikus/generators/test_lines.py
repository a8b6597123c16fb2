"""The lines of the sample generator: their syllables, and that there are enough of them."""

import re
from collections import Counter
from itertools import chain
from typing import Final

import pytest
from pysyllables import get_syllable_count

from haikus.generators.sample import LINES

GROUPS: Final = LINES["groups"]
PAIRS: Final = [pair for group in GROUPS.values() for pair in group["pairs"]]
KINDS: Final = ("any_topic", "written", "question", "broken", "named")
FRAMES: Final = [*chain(*(LINES[kind] for kind in KINDS), *(group["frames"] for group in GROUPS.values()))]
# Words that the dictionary lacks, counted by hand.
COUNTED: Final = {
    1: "baled creaks cupped hummed kite's kneels knife's leaf's paw's plow's reeds' rug's shins slants tent's "
    "chair's",
    2: "combine's conker kestrel ladder's lamplight molehills nightlight's pencil's snowbank snowmelt "
    "streetlamp thumbprint trawler's undoes windsock",
    3: "chickadees letterbox parasol's sandcastle's",
}
BY_HAND: Final = {word: count for count, words in COUNTED.items() for word in words.split()}
POEMS_REMEMBERED: Final = 10


def words_of(text: str) -> list[str]:
    return re.findall(r"[a-z]+(?:'[a-z]*)?", text.lower())


# People do not agree on how many syllables these have.
DISPUTED: Final = words_of(
    """fire wire tire hour our flour flower power tower shower every poem evening family camera several different
    favorite world girl squirrel curl pearl orange caramel chocolate vegetable real oil boil foil soil mile tile
    smile while file pile drawer layer prayer toward towel owl growl howl film violin diary bakery raspberry
    rattling fiddler mirror cruel fuel jewel"""
)


def counted_by_hand_or_dictionary(text: str) -> int:
    return sum(BY_HAND.get(word) or get_syllable_count(word) or 100 for word in words_of(text))


@pytest.mark.parametrize(("five", "seven"), PAIRS)
def test_a_pair_is_a_line_of_five_and_a_line_of_seven_syllables(five: str, seven: str) -> None:
    assert (counted_by_hand_or_dictionary(five), counted_by_hand_or_dictionary(seven)) == (5, 7)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_frame_has_one_place_for_the_topic_and_known_words(frame: str) -> None:
    assert frame.count("{}") == 1
    assert counted_by_hand_or_dictionary(frame) <= 6


def test_what_is_counted_by_hand_is_in_no_dictionary_and_in_use() -> None:
    used = set(words_of(" ".join(chain(*PAIRS, FRAMES))))
    assert used >= BY_HAND.keys()
    assert not [word for word in BY_HAND if get_syllable_count(word)]
    assert used.isdisjoint(DISPUTED)


def test_no_line_comes_twice() -> None:
    assert Counter(chain(*PAIRS)).most_common(1)[0][1] == 1


def test_there_are_a_hundred_and_fifty_lines_of_each_length_beside_the_quiet_ones() -> None:
    assert sum(len(group["pairs"]) for name, group in GROUPS.items() if name != "quiet") >= 150


@pytest.mark.parametrize("name", GROUPS)
def test_no_group_is_used_up_by_the_poems_that_are_remembered(name: str) -> None:
    # A poem with its topic in the middle uses a line from each of two pairs.
    assert len(GROUPS[name]["pairs"]) >= 2 * POEMS_REMEMBERED + 2


@pytest.mark.parametrize(
    "frames", [GROUPS["quiet"]["frames"], *(LINES[kind] + LINES["any_topic"] for kind in KINDS[1:])]
)
@pytest.mark.parametrize("topic", range(1, 7))
def test_no_topic_of_up_to_six_syllables_runs_out_of_frames(topic: int, frames: list[str]) -> None:
    fitting = [frame for frame in frames if topic + counted_by_hand_or_dictionary(frame) in (5, 7)]
    assert len(set(fitting)) > POEMS_REMEMBERED


def test_no_keyword_names_grief_and_a_season() -> None:
    quiet = GROUPS["quiet"]["keywords"]
    others = set(chain(*(group["keywords"] for name, group in GROUPS.items() if name != "quiet")))
    assert quiet.isdisjoint(others)
