"""Counting: English by the dictionary and by rule, numbers as they are said, other scripts by their own signs."""

# ruff: noqa: RUF001 - letters that look like Latin ones are what is counted here

import unicodedata

import pytest
from pysyllables import SYLLABLE_COUNTS, get_syllable_count

from haikus.generators.syllables import estimate, syllables_in


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("rain", 1),
        ("machine learning", 4),
        ("The quick brown fox", 4),
        ("rock & roll", 3),
        ("well-known", 2),
        ("don't", 1),
        ("don’t", 1),
        ("NASA", 2),
        ("CSS", 3),
        ("HTML", 4),
        ("AI", 2),
        ("InstantDB", 4),
        ("JavaScript", 3),
        ("C++", 3),
        ("example.com", 5),
        ("U.S.A.", 3),
        ("café", 2),
        ("résumé", 3),
        ("Łódź", 1),
        ("<script>", 1),
        ("…!?", 0),
        ("", 0),
    ],
)
def test_latin_words_and_signs_are_counted_as_they_are_said(text: str, count: int) -> None:
    assert syllables_in(text) == count


@pytest.mark.parametrize(
    ("text", "count"), [("emojis", 3), ("sandwich's", 3), ("stargazing", 3), ("moonwater", 3)]
)
def test_a_word_unknown_to_the_dictionary_is_counted_by_its_known_parts(text: str, count: int) -> None:
    assert get_syllable_count(text) is None
    assert syllables_in(text) == count


def test_spelling_alone_is_right_for_nine_words_in_ten() -> None:
    words = [word for word in SYLLABLE_COUNTS if word.isalpha() and len(word) > 2]
    right = sum(estimate(word) == SYLLABLE_COUNTS[word] for word in words)
    assert right / len(words) > 0.9


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0", "zero"),
        ("42", "forty two"),
        ("77", "seventy seven"),
        ("100", "one hundred"),
        ("1066", "one thousand sixty six"),
        ("1900", "nineteen hundred"),
        ("1905", "nineteen oh five"),
        ("2005", "two thousand five"),
        ("2026", "twenty twenty six"),
        ("12345", "twelve thousand three hundred forty five"),
        ("007", "zero zero seven"),
        ("1234567890", "one two three four five six seven eight nine zero"),
        ("1,000", "one thousand"),
        ("3.14", "three point one four"),
        ("1st", "first"),
        ("22nd", "twenty second"),
        ("9th", "ninth"),
        ("90s", "nineties"),
        ("B2B", "B two B"),
        ("50%", "fifty percent"),
        ("$5", "dollars five"),
    ],
)
def test_numbers_count_as_people_say_them(text: str, said: str) -> None:
    assert syllables_in(text) == sum(get_syllable_count(word) or 0 for word in said.split())


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("漢字", 2),
        ("食べる", 4),
        ("きょう", 2),
        ("がっこう", 4),
        ("コーヒー", 4),
        ("안녕하세요", 5),
        ("Москва", 2),
        ("Αθήνα", 3),
        ("ούζο", 2),
        ("μαΐου", 3),
        ("नमस्ते", 3),
        ("٢٠٢٦", 5),
        ("العربية", 4),
        ("שלום", 2),
    ],
)
def test_other_scripts_are_counted_by_the_rules_in_the_table(text: str, count: int) -> None:
    assert syllables_in(text) == count


@pytest.mark.parametrize(
    ("text", "count"), [("🐱", 1), ("🚀", 2), ("❤️", 1), ("👩‍💻", 2), ("👍🏽", 2), ("🇫🇷", 2), ("🎂", 2)]
)
def test_an_emoji_counts_as_its_name_and_at_most_two(text: str, count: int) -> None:
    assert syllables_in(text) == count


@pytest.mark.parametrize("text", ["café", "안녕", "ούζο", "がっこう"])
def test_composed_and_decomposed_spellings_count_the_same(text: str) -> None:
    assert syllables_in(unicodedata.normalize("NFD", text)) == syllables_in(text)
