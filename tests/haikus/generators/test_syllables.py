"""Counting: English by the dictionary and by rule, numbers as they are said, other scripts by their own signs."""

# ruff: noqa: RUF001 - letters that look like Latin ones are what is counted here

import re
import unicodedata

import pytest
from pysyllables import SYLLABLE_COUNTS, get_syllable_count

from haikus.generators.syllables import estimate, syllables_in


def by_count(table: dict[int, str]) -> pytest.MarkDecorator:
    """A case for each text, which are apart by bars, with its number of syllables."""
    return pytest.mark.parametrize(
        ("text", "count"), [(text, count) for count, texts in table.items() for text in texts.split(" | ")]
    )


@by_count(
    {
        0: "…!? | ",
        1: "rain | don't | don’t | Łódź | <script>",
        2: "well-known | NASA | AI | café",
        3: "rock & roll | CSS | JavaScript | C++ | U.S.A. | résumé",
        4: "machine learning | The quick brown fox | HTML | InstantDB",
        5: "example.com",
    }
)
def test_latin_words_and_signs_are_counted_as_they_are_said(text: str, count: int) -> None:
    assert syllables_in(text) == count


@by_count({3: "emojis | sandwich's | stargazing | moonwater"})
def test_a_word_unknown_to_the_dictionary_is_counted_by_its_known_parts(text: str, count: int) -> None:
    assert get_syllable_count(text) is None
    assert syllables_in(text) == count


@pytest.mark.slow
def test_spelling_alone_is_right_for_nine_words_in_ten() -> None:
    words = [word for word in SYLLABLE_COUNTS if word.isalpha() and len(word) > 2]
    right = sum(estimate(word) == SYLLABLE_COUNTS[word] for word in words)
    assert right / len(words) > 0.9


SAID = """
0 zero | 42 forty two | 77 seventy seven | 100 one hundred | 1066 one thousand sixty six
1900 nineteen hundred | 1905 nineteen oh five | 2005 two thousand five | 2026 twenty twenty six
12345 twelve thousand three hundred forty five | 007 zero zero seven
1234567890 one two three four five six seven eight nine zero
1,000 one thousand | 3.14 three point one four | 1st first | 22nd twenty second | 9th ninth | 90s nineties
B2B B two B | 50% fifty percent | $5 dollars five
"""


@pytest.mark.parametrize(
    ("text", "said"), [each.split(" ", 1) for each in re.split(r" \| |\n", SAID.strip())]
)
def test_numbers_count_as_people_say_them(text: str, said: str) -> None:
    assert syllables_in(text) == sum(get_syllable_count(word) or 0 for word in said.split())


@by_count(
    {
        2: "漢字 | きょう | Москва | ούζο | שלום",
        3: "Αθήνα | μαΐου | नमस्ते",
        4: "食べる | がっこう | コーヒー | العربية",
        5: "안녕하세요 | ٢٠٢٦",
    }
)
def test_other_scripts_are_counted_by_the_rules_in_the_table(text: str, count: int) -> None:
    assert syllables_in(text) == count


@by_count({1: "🐱 | ❤️", 2: "🚀 | 👩‍💻 | 👍🏽 | 🇫🇷 | 🎂"})
def test_an_emoji_counts_as_its_name_and_at_most_two(text: str, count: int) -> None:
    assert syllables_in(text) == count


@pytest.mark.parametrize("text", ["café", "안녕", "ούζο", "がっこう"])
def test_composed_and_decomposed_spellings_count_the_same(text: str) -> None:
    assert syllables_in(unicodedata.normalize("NFD", text)) == syllables_in(text)
